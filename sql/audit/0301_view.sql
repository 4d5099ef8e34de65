-- id: KW301
-- severity: note
-- title: a view reads the key column
-- why: It shows NULL once a key is sealed: no hole, but code that expects a key there will miss it. Published keys, and those that stay in their
--   column behind a wall, are readable through it, with the rights of its owner.
-- remedy: Leave the column out, unless it is needed.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('It reads %s%s.', pg_catalog.string_agg(DISTINCT k.col, ', '), CASE WHEN pg_catalog.bool_or(d.refobjsubid = 0) THEN ' within a whole row' ELSE '' END) AS detail,
       '' AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.classid = 'pg_catalog.pg_rewrite'::regclass
  JOIN pg_catalog.pg_rewrite AS w ON w.oid = d.objid
  JOIN pg_catalog.pg_class AS c ON c.oid = w.ev_class AND c.relkind = 'v'
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 -- a whole row is printed as alias.*, and depends on no column
 WHERE d.refobjsubid = k.attnum OR d.refobjsubid = 0 AND pg_catalog.strpos(pg_catalog.pg_get_viewdef(c.oid), '.*') > 0
 GROUP BY n.nspname, c.relname
 ORDER BY 1
