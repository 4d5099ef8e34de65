-- Gives a lease back before its chunk is done (wave $1, number $2, fence $3).
UPDATE keyward.chunk AS c SET worker = NULL, leased_until = NULL WHERE c.wave = $1 AND c.no = $2 AND c.fence = $3
