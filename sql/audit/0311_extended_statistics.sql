-- id: KW311
-- severity: note
-- title: extended statistics are kept on the key column
-- why: Lists of most common values hold keys in plain text; those of keys that were sealed, until the table is analysed again.
-- remedy: Drop the statistics object.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('%I.%I', n.nspname, s.stxname) AS object,
       pg_catalog.format('It covers %s.', k.col) AS detail,
       pg_catalog.format('DROP STATISTICS %I.%I;', n.nspname, s.stxname) AS remedy
  FROM {{ m.key_columns(keys) }} AS k
  JOIN pg_catalog.pg_statistic_ext AS s ON s.stxrelid = k.relid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
 WHERE k.attnum = ANY (s.stxkeys::int2[])
    OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_statistic_ext'::regclass AND d.objid = s.oid
                  AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = k.relid AND d.refobjsubid = k.attnum)
 ORDER BY 1
