-- Who holds keyward's advisory lock in this database: another apply, rollout or uninstall.
SELECT l.pid,
       COALESCE(a.usename, '') AS role,
       COALESCE(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.backend_start), 0)::float8 AS seconds,
       COALESCE(a.application_name, '') AS query
  FROM pg_catalog.pg_locks AS l
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND ((l.classid::bigint << 32) | l.objid::bigint) = $1 AND l.objsubid = 1
