-- purpose: What the server says of itself, for the limits of the manifest's [rollout]. A role that isn't a member of pg_monitor doesn't see all
--   of it; how much is hidden from it is told. Only the parts that are asked for are looked at.
-- parameters: $1 the lag of standbys and slots; $2 the WAL; $3 who waits for locks; $4 active sessions; $5 the oldest transaction; $6 checkpoints

WITH locks AS MATERIALIZED (SELECT l.pid, l.granted, l.locktype, l.classid, l.objid, l.objsubid FROM pg_catalog.pg_locks AS l),
-- keyward's own sessions hold the runner's lock ("keyward" as a number), or a worker's or a wave's
own AS MATERIALIZED (
    SELECT DISTINCT l.pid FROM locks AS l
     WHERE l.locktype = 'advisory'
       AND (l.classid = 7038329 AND l.objid = 2002874980 AND l.objsubid = 1
            OR l.classid IN (1801812344, 1801812346) AND l.objsubid = 2)),
-- without a user or a database it is a process of the server's own, or a walsender; backend_type is NULL where the role may not see more
sessions AS MATERIALIZED (
    SELECT a.pid, a.state, a.xact_start, a.backend_type, a.datname = pg_catalog.current_database() AS here
      FROM pg_catalog.pg_stat_activity AS a
     WHERE a.usesysid IS NOT NULL
       AND a.datid IS NOT NULL
       AND a.pid <> pg_catalog.pg_backend_pid()
       AND a.application_name NOT LIKE 'keyward%'
       AND a.pid NOT IN (SELECT o.pid FROM own AS o))
SELECT EXTRACT(epoch FROM pg_catalog.clock_timestamp())::float8 AS clock,
       CASE WHEN $2 THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::float8 END AS wal,
       CASE WHEN $1 THEN (
           SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(g) ORDER BY g.of, g.name), '[]')
             FROM (SELECT 'standby' AS of, r.application_name AS name, r.state IS NULL AS hidden,
                          -- one that only receives WAL replays none
                          pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),
                              COALESCE(r.replay_lsn, r.flush_lsn, r.write_lsn, r.sent_lsn))::float8 AS bytes,
                          -- NULL once it has replayed everything
                          EXTRACT(epoch FROM r.replay_lag)::float8 AS seconds
                     FROM pg_catalog.pg_stat_replication AS r
                    WHERE r.state IS DISTINCT FROM 'backup'
                      AND NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots AS s
                                       WHERE s.slot_type = 'logical' AND s.active_pid = r.pid)
                   UNION ALL
                   -- a standby that is connected speaks for its slot
                   SELECT 'slot', s.slot_name, false,
                          pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),
                              CASE s.slot_type WHEN 'logical' THEN s.confirmed_flush_lsn ELSE s.restart_lsn END)::float8,
                          NULL
                     FROM pg_catalog.pg_replication_slots AS s
                    WHERE (s.slot_type = 'logical' OR NOT s.active) AND s.wal_status IS DISTINCT FROM 'lost') AS g)
       END AS lags,
       -- everybody sees who waits
       CASE WHEN $3 THEN (
           SELECT pg_catalog.count(DISTINCT l.pid) FROM locks AS l JOIN sessions AS s ON s.pid = l.pid WHERE NOT l.granted AND s.here)
       END AS lock_waiters,
       CASE WHEN $4 THEN (
           SELECT pg_catalog.count(*) FROM sessions AS s WHERE s.backend_type = 'client backend' AND s.state IN ('active', 'fastpath function call'))
       END AS active_sessions,
       CASE WHEN $5 THEN COALESCE(GREATEST(
           (SELECT EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.min(s.xact_start))
              FROM sessions AS s WHERE s.backend_type = 'client backend' AND s.here),
           (SELECT EXTRACT(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.min(p.prepared))
              FROM pg_catalog.pg_prepared_xacts AS p WHERE p.database = pg_catalog.current_database())), 0)::float8
       END AS oldest_transaction,
{% if has_checkpointer %}
       CASE WHEN $6 THEN (SELECT c.num_requested FROM pg_catalog.pg_stat_checkpointer AS c) END AS checkpoints,
{% else %}
       CASE WHEN $6 THEN (SELECT b.checkpoints_req FROM pg_catalog.pg_stat_bgwriter AS b) END AS checkpoints,
{% endif %}
       CASE WHEN $4 OR $5 THEN (SELECT pg_catalog.count(*) FROM sessions AS s WHERE s.backend_type IS NULL) ELSE 0 END AS hidden_sessions
