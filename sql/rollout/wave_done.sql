-- How a wave stands ($1): its state, what it and its chunks have done so far, and the late keys that it sealed.
SELECT w.state, w.stragglers, w.accounts + COALESCE(c.accounts, 0) AS accounts, w.keys + COALESCE(c.keys, 0) AS keys
  FROM keyward.wave AS w
  LEFT JOIN (SELECT x.wave, pg_catalog.sum(x.accounts)::bigint AS accounts, pg_catalog.sum(x.keys)::bigint AS keys
               FROM keyward.chunk AS x GROUP BY x.wave) AS c ON c.wave = w.id
 WHERE w.id = $1
