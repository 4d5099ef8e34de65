-- The transactions that run in this database now, oldest first: whoever runs one holds the lock of its virtual id, which
-- everybody may see. What can't write a row is left out: this session, autovacuum and other processes without a user,
-- VACUUM, and walsenders.
SELECT l.virtualxid AS id,
       a.pid,
       COALESCE(a.usename, '') AS role,
       -- hidden from roles without pg_read_all_stats, like the query
       COALESCE(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start), 0)::float8 AS seconds,
       COALESCE(NULLIF(a.query, '<insufficient privilege>'), '') AS query
  FROM pg_catalog.pg_locks AS l
  JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
 WHERE l.locktype = 'virtualxid'
   AND l.granted
   AND l.mode = 'ExclusiveLock'
   AND l.pid <> pg_catalog.pg_backend_pid()
   AND a.datname = pg_catalog.current_database()
   -- not backend_type, which is hidden like the query
   AND a.usesysid IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_replication AS r WHERE r.pid = l.pid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum AS v WHERE v.pid = l.pid)
 ORDER BY 4 DESC, 2
