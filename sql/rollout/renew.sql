-- Renews a worker's lease of a chunk (wave $1, number $2, fence $3) for so many milliseconds ($4). Touches no row if the lease is another's by now.
UPDATE keyward.chunk AS c SET leased_until = pg_catalog.clock_timestamp() + $4 * interval '1 millisecond'
 WHERE c.wave = $1 AND c.no = $2 AND c.fence = $3
