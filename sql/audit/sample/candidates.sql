-- purpose: The tables and materialized views with columns that may hold text, and that the connected role may read.
{% import "audit/_macros.sql" as m %}

SELECT n.nspname AS schema, c.relname AS name, pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum) AS columns
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'm') AND NOT (c.relkind = 'm' AND NOT c.relispopulated)
   AND n.nspname NOT IN ('keyward', 'pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
   AND (t.typcategory IN ('S', 'A') OR t.typname IN ('uuid', 'citext', 'json', 'jsonb', 'xml', 'hstore'))
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
   -- partitions of a key table hold its own keys
   AND NOT EXISTS (SELECT FROM {{ m.key_columns(keys) }} AS k JOIN pg_catalog.pg_inherits AS h ON h.inhparent = k.relid WHERE h.inhrelid = c.oid AND a.attname = k.attname)
 GROUP BY n.nspname, c.relname
 ORDER BY 1, 2
