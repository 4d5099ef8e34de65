-- id: KW308
-- severity: error
-- title: a publication sends the vault elsewhere
-- why: Every sealed key leaves the server in plain text. FOR ALL TABLES publishes the schema keyward too.
-- remedy: Publish the tables by name, or other schemas (PostgreSQL 15 and newer).

SELECT pg_catalog.format('publication %I', t.pubname) AS object,
       pg_catalog.format('It publishes %s.', pg_catalog.string_agg(pg_catalog.format('keyward.%I', t.tablename), ', ' ORDER BY t.tablename)) AS detail,
       CASE WHEN p.puballtables THEN pg_catalog.format('DROP PUBLICATION %I; CREATE PUBLICATION %I FOR TABLE …;', t.pubname, t.pubname)
            ELSE pg_catalog.format('ALTER PUBLICATION %I DROP …;', t.pubname) END AS remedy
  FROM pg_catalog.pg_publication_tables AS t
  JOIN pg_catalog.pg_publication AS p ON p.pubname = t.pubname
 WHERE t.schemaname = 'keyward' AND pg_catalog.starts_with(t.tablename::text, 'vault_')
 GROUP BY t.pubname, p.puballtables
 ORDER BY 1
