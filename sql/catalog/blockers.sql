-- Who holds a lock on a relation ($1: quoted name) that conflicts with a mode ($2: as the manual names it), oldest first.
SELECT l.pid,
       COALESCE(a.usename, '') AS role,
       COALESCE(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), 0)::float8 AS seconds,
       COALESCE(a.query, '') AS query
  FROM pg_catalog.pg_locks AS l
  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.relation = pg_catalog.to_regclass($1)
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
   AND l.granted
   AND l.pid <> pg_catalog.pg_backend_pid()
   AND CASE $2
           WHEN 'ACCESS EXCLUSIVE' THEN true
           WHEN 'SHARE ROW EXCLUSIVE' THEN l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                                                      'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
           ELSE l.mode <> 'AccessShareLock'
       END
 ORDER BY 3 DESC, 1
