-- id: KW307
-- severity: warning
-- title: a publication sends the key column elsewhere
-- why: Subscribers get each key that is written, with privileges of their own. Sealing sends them NULL, if the publication sends updates; what they keep besides, a
--   history or a queue, stays.
-- remedy: Publish the other columns only (PostgreSQL 15 and newer), or leave the table out.
-- needs: keys
{% import "audit/_macros.sql" as m %}

SELECT pg_catalog.format('publication %I, %s', p.pubname, k.col) AS object,
       CASE WHEN p.puballtables THEN 'It publishes every table.' ELSE 'It publishes the table with this column.' END
       || CASE WHEN p.pubupdate OR k.walled THEN '' ELSE ' It sends no updates: subscribers keep the keys that are sealed here.' END AS detail,
       CASE WHEN p.puballtables THEN pg_catalog.format('DROP PUBLICATION %I; CREATE PUBLICATION %I FOR TABLE … (the other columns);', p.pubname, p.pubname)
            WHEN pg_catalog.current_setting('server_version_num')::int < 150000 THEN pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s;', p.pubname, k.tab)
            ELSE pg_catalog.format('ALTER PUBLICATION %I SET TABLE %s (the other columns);', p.pubname, k.tab) END AS remedy
  FROM {{ m.key_columns(keys) }} AS k
 CROSS JOIN pg_catalog.pg_publication AS p
  JOIN pg_catalog.pg_publication_tables AS t ON t.pubname = p.pubname
  JOIN pg_catalog.pg_class AS c ON c.relname = t.tablename
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = t.schemaname
 -- published as itself, or by its partitions; the columns are listed from 15 on
 WHERE (c.oid = k.relid OR c.oid IN (SELECT tree.relid FROM pg_catalog.pg_partition_tree(k.relid) AS tree))
   AND COALESCE((pg_catalog.to_jsonb(t) -> 'attnames') ? k.attname::text, true)
 GROUP BY p.pubname, k.col, k.tab, p.puballtables, p.pubupdate, k.walled
 ORDER BY 1
