-- What the connected role may do of what probes need, and which of the roles in $1 it may act as. One row.
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY') AS temporary,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS create_schema,
       (SELECT COALESCE(pg_catalog.jsonb_agg(r.rolname), '[]') FROM pg_catalog.pg_roles AS r
         WHERE r.rolname = ANY ($1::text[])
           AND pg_catalog.pg_has_role(SESSION_USER, r.oid,
                   CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)) AS becomes,
       -- what makes the values of one run unlike those of any other
       pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text AS seed
