-- Ends a chunk whose part of the limit is used up (wave $1, number $2, fence $3).
UPDATE keyward.chunk AS c SET done = true, worker = NULL, leased_until = NULL WHERE c.wave = $1 AND c.no = $2 AND c.fence = $3
