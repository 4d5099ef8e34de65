-- What is left of the chunks of a wave ($1): how many there are, how many accounts were in use in those that wait, for how many milliseconds the
-- first of them still waits, and how many have a worker.
SELECT pg_catalog.count(*) AS chunks,
       COALESCE(pg_catalog.sum(c.in_use) FILTER (WHERE c.not_before IS NOT NULL), 0)::bigint AS in_use,
       COALESCE(GREATEST(0, EXTRACT(epoch FROM pg_catalog.min(c.not_before) - pg_catalog.clock_timestamp()) * 1000), 0)::float8 AS wait,
       pg_catalog.count(*) FILTER (WHERE c.worker IS NOT NULL) AS leased,
       pg_catalog.count(*) FILTER (WHERE c.worker IS NULL AND c.not_before IS NULL) AS free
  FROM keyward.chunk AS c
 WHERE c.wave = $1 AND NOT c.done
