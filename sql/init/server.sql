-- purpose: The server and the connected role: which database this is, since when keyward is installed, and what time it is there.
SELECT pg_catalog.current_setting('server_version_num')::int AS version_num,
       pg_catalog.current_database() AS database,
       pg_catalog.now() AS now,
       EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'keyward') AS has_schema
