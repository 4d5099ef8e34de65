-- id: KW239
-- severity: error
-- title: a generated column shows a key behind a wall in another form
-- why: It is a column like any other: API roles are granted it, and with it what is computed from the key.
-- remedy: Drop the expression, or the column.
-- needs: walls
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%s.%I', k.tab, a.attname) AS object,
       pg_catalog.format('It is computed from %s; %s may read it.', k.col, COALESCE((
           SELECT pg_catalog.string_agg(r.rolname::text, ', ' ORDER BY r.rolname) FROM pg_catalog.pg_roles AS r
            WHERE r.rolname = ANY ({{ m.names(walled_off) }}) AND pg_catalog.has_column_privilege(r.oid, k.relid, a.attnum, 'SELECT')), 'no API role')) AS detail,
       pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION;', k.tab, a.attname) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.relid AND a.attgenerated <> '' AND a.attnum <> k.attnum
  JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
 -- the column depends on what it is computed from; up to 14 its expression does
 WHERE k.walled
   AND EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum
                  AND (d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
                       OR d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = k.relid AND d.objsubid = a.attnum))
 ORDER BY 1
