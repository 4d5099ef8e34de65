-- id: KW309
-- severity: warning
-- title: a generated column is computed from the key
-- why: Sealing computes it anew, from NULL. Until then it is the key in another form.
-- remedy: Drop the expression, or the column.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%s.%I', k.tab, a.attname) AS object,
       pg_catalog.format('It is computed from %s.', k.col) AS detail,
       pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION;', k.tab, a.attname) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.relid AND a.attgenerated <> '' AND a.attnum <> k.attnum
  JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
 -- the column depends on what it is computed from; up to 14 its expression does
 WHERE NOT k.walled
   AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum
                  AND (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
                       OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = k.relid AND d.objsubid = a.attnum))
 ORDER BY 1
