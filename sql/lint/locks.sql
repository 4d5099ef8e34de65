-- The locks on relations of this database that the session holds.
SELECT l.relation::text AS oid, l.mode
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_database AS d ON d.oid = l.database
 WHERE l.pid = pg_catalog.pg_backend_pid() AND d.datname = pg_catalog.current_database() AND l.locktype = 'relation' AND l.granted
