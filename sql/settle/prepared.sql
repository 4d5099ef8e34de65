-- The transactions of this database that are prepared for a two-phase commit, oldest first: they belong to no session.
SELECT p.transaction::text AS id,
       NULL::integer AS pid,
       p.owner AS role,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::float8 AS seconds,
       -- the name that COMMIT PREPARED wants
       p.gid AS query
  FROM pg_catalog.pg_prepared_xacts AS p
 WHERE p.database = pg_catalog.current_database()
 ORDER BY 4 DESC, 1
