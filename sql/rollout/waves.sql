-- The last twenty waves, oldest first.
SELECT w.id, w.kind, w.percent::text AS percent, w.state, w.accounts, w.keys, w.stragglers, w.reached,
       w.started_at, w.started_by, w.ended_at
  FROM (SELECT * FROM keyward.wave AS x ORDER BY x.id DESC LIMIT 20) AS w
 ORDER BY w.id
