-- The application's tables and materialized views, with the file that holds their rows: a rewrite gives them another one.
SELECT c.oid::text AS oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name,
       COALESCE(pg_catalog.pg_relation_filenode(c.oid)::text, '') AS node
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
