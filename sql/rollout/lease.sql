-- purpose: Leases a chunk of a wave to a worker: one that is nobody's, or whose worker has let the lease expire or is gone.
-- parameters: $1 the wave; $2 the worker; $3 for how many milliseconds
-- role: owner
{% import "rollout/_macros.sql" as r %}

UPDATE keyward.chunk AS c
   SET worker = $2, fence = c.fence + 1,
       leased_until = pg_catalog.clock_timestamp() + $3 * interval '1 millisecond',
       -- a pass that begins anew counts anew
       in_use = CASE WHEN c.reached IS NULL THEN 0 ELSE c.in_use END, not_before = NULL
  FROM (SELECT f.wave, f.no
          FROM keyward.chunk AS f
         WHERE f.wave = $1 AND NOT f.done
           AND (f.not_before IS NULL OR f.not_before <= pg_catalog.clock_timestamp())
           AND (f.worker IS NULL OR f.leased_until <= pg_catalog.clock_timestamp()
                OR NOT {{ r.held("1801812344" | safe, "f.worker" | safe) }})
         ORDER BY f.no
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED) AS free
 WHERE c.wave = free.wave AND c.no = free.no
RETURNING c.no, c.high, COALESCE(c.reached, c.low) AS reached, c.fence, c.quota - c.accounts AS left
