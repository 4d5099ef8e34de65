-- id: KW318
-- severity: warning
-- title: a policy decides by the key column
-- why: Once a key is sealed, its row no longer satisfies the policy: rows vanish from sight, or come to light.
--   Where the key stays behind a wall, whoever may set what the policy compares it with can guess keys.
-- remedy: Decide by another column.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('policy %I on %I.%I', p.polname, n.nspname, c.relname) AS object,
       pg_catalog.format('It reads %s.', pg_catalog.string_agg(DISTINCT k.col, ', ')) AS detail,
       '' AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum AND d.classid = 'pg_catalog.pg_policy'::regclass
  JOIN pg_catalog.pg_policy AS p ON p.oid = d.objid
  JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname <> 'keyward'
 GROUP BY p.polname, n.nspname, c.relname
 ORDER BY 1
