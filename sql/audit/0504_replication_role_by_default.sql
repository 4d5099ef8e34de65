-- id: KW504
-- severity: warning
-- title: session_replication_role is set for a role or the database
-- why: Sessions start with the application's triggers and foreign keys silenced. keyward's guards are ALWAYS on and stay.
-- remedy: Reset it.

SELECT pg_catalog.concat_ws(' in ', COALESCE(r.rolname, 'every role'), d.datname) AS object,
       pg_catalog.format('Its sessions begin with %s.', x.setting) AS detail,
       CASE WHEN r.rolname IS NULL THEN pg_catalog.format('ALTER DATABASE %I RESET session_replication_role;', d.datname)
            ELSE pg_catalog.format('ALTER ROLE %I%s RESET session_replication_role;', r.rolname, COALESCE(' IN DATABASE ' || pg_catalog.quote_ident(d.datname), '')) END AS remedy
  FROM pg_catalog.pg_db_role_setting AS s
  LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase
 CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS x (setting)
 WHERE x.setting ~ '^session_replication_role=(replica|local)' AND (s.setdatabase = 0 OR d.datname = pg_catalog.current_database())
 ORDER BY 1
