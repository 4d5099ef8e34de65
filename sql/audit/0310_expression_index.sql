-- id: KW310
-- severity: note
-- title: an index is built on an expression of the key
-- why: Statistics on the expression, and index entries of dead rows, keep what was computed from keys until the next ANALYZE and VACUUM.
-- remedy: Drop it, once the look-ups have moved to keyward.authenticate_<key>.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       pg_catalog.format('It is computed from %s.', k.col) AS detail,
       pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I;', n.nspname, c.relname) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_index AS i ON i.indrelid = k.relid AND i.indexprs IS NOT NULL
  JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum)
 ORDER BY 1
