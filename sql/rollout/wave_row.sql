-- A wave ($1), which is locked already, with what its chunks have done and may still do. Locked by a statement before this one: what this one counts
-- is then the latest.
SELECT w.state, w.reached, w.span, w.list_sha256 IS NOT NULL AS listed, w.account_limit - w.accounts - c.spoken_for AS left, c.chunks, c.open
  FROM keyward.wave AS w
 CROSS JOIN (SELECT pg_catalog.count(*) AS chunks, pg_catalog.count(*) FILTER (WHERE NOT x.done) AS open,
                    COALESCE(pg_catalog.sum(CASE WHEN x.done THEN x.accounts ELSE x.quota END), 0)::bigint AS spoken_for
               FROM keyward.chunk AS x WHERE x.wave = $1) AS c
 WHERE w.id = $1
