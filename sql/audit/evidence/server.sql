-- purpose: The schema of pg_stat_statements, NULL where it isn't installed, and whether it may be read. One row.

SELECT n.nspname AS schema,
       n.nspname IS NOT NULL AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS may_use,
       pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others
  FROM (SELECT 1) AS one
  LEFT JOIN pg_catalog.pg_extension AS e ON e.extname = 'pg_stat_statements'
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
