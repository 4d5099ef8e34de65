-- Adds what the chunks of a wave ($1) have done to the wave, and clears them away: another pass over all accounts can begin.
WITH gone AS (
    DELETE FROM keyward.chunk AS c WHERE c.wave = $1 RETURNING c.accounts, c.keys
), done AS (
    SELECT COALESCE(pg_catalog.sum(g.accounts), 0) AS accounts, COALESCE(pg_catalog.sum(g.keys), 0) AS keys FROM gone AS g
)
UPDATE keyward.wave AS w SET accounts = w.accounts + d.accounts, keys = w.keys + d.keys, reached = NULL
  FROM done AS d
 WHERE w.id = $1
