-- id: KW312
-- severity: warning
-- title: a foreign table leads to the key table, or stands in its place
-- why: Queries through it run on the other side as the mapped user. One that is a part of the key table keeps its rows, and keys, on
--   another server, where no guard is.
-- remedy: Drop the foreign table, or detach it.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       CASE WHEN h.inhrelid IS NOT NULL THEN pg_catalog.format('It is a part of %s.', k.tab)
            ELSE pg_catalog.format('It leads to %s by way of the server %I.', k.tab, s.srvname) END AS detail,
       CASE WHEN c.relispartition THEN pg_catalog.format('ALTER TABLE %s DETACH PARTITION %I.%I;', k.tab, n.nspname, c.relname)
            ELSE pg_catalog.format('DROP FOREIGN TABLE %I.%I;', n.nspname, c.relname) END AS remedy
  FROM {{ m.key_columns(keys) }} AS k
 CROSS JOIN pg_catalog.pg_foreign_table AS f
  JOIN pg_catalog.pg_class AS c ON c.oid = f.ftrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_foreign_server AS s ON s.oid = f.ftserver
  LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = c.oid AND h.inhparent = k.relid
 WHERE h.inhrelid IS NOT NULL
    OR pg_catalog.format('dbname=%s', pg_catalog.current_database()) = ANY (s.srvoptions)
       AND COALESCE((SELECT pg_catalog.substr(o, 12) FROM pg_catalog.unnest(f.ftoptions) AS o WHERE pg_catalog.starts_with(o, 'table_name=')), c.relname) = k.relname
       AND COALESCE((SELECT pg_catalog.substr(o, 13) FROM pg_catalog.unnest(f.ftoptions) AS o WHERE pg_catalog.starts_with(o, 'schema_name=')), n.nspname) = k.nspname
 ORDER BY 1
