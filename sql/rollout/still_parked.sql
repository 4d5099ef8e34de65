-- purpose: The accounts that are parked and still there without a choice of their own, oldest first: how many, and the first few.
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT pg_catalog.count(*) AS accounts,
       COALESCE((pg_catalog.array_agg(k.account::text || ' (' || k.sqlstate || ')' ORDER BY k.parked_at, k.account::text))[1:5], '{}') AS first
  FROM keyward.parked_account AS k
  JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }} = k.account
  LEFT JOIN keyward.account_setting AS s ON s.account = k.account
 WHERE {{ r.undecided("s" | safe) }}
