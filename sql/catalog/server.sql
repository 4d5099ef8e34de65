-- The server, and what the connected role may do there. One row.
SELECT pg_catalog.current_setting('server_version_num')::int AS version_num,
       pg_catalog.current_database() AS database,
       SESSION_USER AS login,
       CURRENT_USER AS runner,
       r.rolsuper AS is_superuser,
       r.rolcreaterole AS may_create_roles,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS may_create_schemas,
       pg_catalog.pg_is_in_recovery() AS is_standby,
       EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'keyward') AS has_schema,
       k.oid IS NOT NULL AS has_tables,
       COALESCE(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('keyward')::oid, 'USAGE')
                AND pg_catalog.has_table_privilege(k.oid, 'SELECT'), false) AS may_read_tables,
       (SELECT n.nspowner::regrole::text FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'keyward') AS schema_owner
  FROM pg_catalog.pg_roles AS r
  -- not by to_regclass, which fails where the schema may not be used
  LEFT JOIN pg_catalog.pg_class AS k
    ON k.relname = 'object' AND k.relnamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'keyward')
 WHERE r.rolname = CURRENT_USER
