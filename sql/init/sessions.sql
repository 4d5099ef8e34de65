-- purpose: Who is connected to this database right now, by role, with the names that the applications give themselves.
SELECT s.usename AS role,
       count(*) AS sessions,
       COALESCE(pg_catalog.jsonb_agg(DISTINCT s.application_name) FILTER (WHERE s.application_name <> ''), '[]') AS applications
  FROM pg_catalog.pg_stat_activity AS s
 WHERE s.datname = pg_catalog.current_database() AND s.pid <> pg_catalog.pg_backend_pid() AND s.usename IS NOT NULL
   -- hidden of other roles' sessions, as are their statements
   AND COALESCE(s.backend_type, 'client backend') = 'client backend'
 GROUP BY s.usename
 ORDER BY s.usename
