-- id: KW304
-- severity: warning
-- title: a rule of another table reads the key column
-- why: A rule is rewritten into whatever statement touches its table: it may copy keys there.
-- remedy: Drop the rule.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('rule %I on %I.%I', w.rulename, n.nspname, c.relname) AS object,
       pg_catalog.format('It reads %s.', pg_catalog.string_agg(DISTINCT k.col, ', ')) AS detail,
       pg_catalog.format('DROP RULE %I ON %I.%I;', w.rulename, n.nspname, c.relname) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjsubid = k.attnum
  JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
  JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind IN ('r', 'p') AND c.oid <> k.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 GROUP BY w.rulename, n.nspname, c.relname
 ORDER BY 1
