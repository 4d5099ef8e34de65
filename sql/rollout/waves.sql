-- purpose: The last twenty waves, oldest first, with what their chunks have done so far. One that is running without a process at work on it
--   counts as stopped.
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT w.id, w.kind, w.percent::text AS percent,
       CASE WHEN w.state = 'running' AND NOT {{ r.held("1801812346" | safe, "w.id" | safe) }} THEN 'stopped' ELSE w.state END AS state,
       w.total, w.accounts + COALESCE(c.accounts, 0) AS accounts, w.keys + COALESCE(c.keys, 0) AS keys, w.stragglers,
       COALESCE(c.in_use, 0) AS in_use, COALESCE(c.open, 0) AS open_chunks,
       w.account_limit AS limit, w.list_sha256 IS NOT NULL AS listed, w.reverts, w.parameters, w.gates,
       w.started_at, w.started_by, w.ended_at
  FROM (SELECT * FROM keyward.wave AS x ORDER BY x.id DESC LIMIT 20) AS w
  LEFT JOIN (SELECT x.wave, pg_catalog.sum(x.accounts)::bigint AS accounts, pg_catalog.sum(x.keys)::bigint AS keys,
                    pg_catalog.sum(x.in_use)::bigint AS in_use, pg_catalog.count(*) FILTER (WHERE NOT x.done) AS open
               FROM keyward.chunk AS x GROUP BY x.wave) AS c ON c.wave = w.id
 ORDER BY w.id
