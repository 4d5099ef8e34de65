-- The progress of a chunk (wave $1, number $2, fence $3), in the transaction of the batch that made it: the account reached ($4; NULL for as
-- before), accounts ($5), keys ($6) and accounts in use ($7) more, the lease renewed for so many milliseconds ($8). At the chunk's end ($9)
-- it is done, or gone through again later for the accounts that were in use. Touches no row if the lease is another's by now.
UPDATE keyward.chunk AS c
   SET reached = CASE WHEN $9 THEN NULL ELSE COALESCE($4, c.reached) END,
       accounts = c.accounts + $5, keys = c.keys + $6, in_use = c.in_use + $7,
       done = $9 AND c.in_use + $7 = 0,
       passes = c.passes + $9::integer,
       not_before = CASE WHEN $9 AND c.in_use + $7 > 0 THEN
           pg_catalog.clock_timestamp() + LEAST(5000, 100 * 2 ^ LEAST(c.passes, 10)) * interval '1 millisecond' END,
       worker = CASE WHEN $9 THEN NULL ELSE c.worker END,
       leased_until = CASE WHEN $9 THEN NULL ELSE pg_catalog.clock_timestamp() + $8 * interval '1 millisecond' END
 WHERE c.wave = $1 AND c.no = $2 AND c.fence = $3
