-- purpose: The accounts that are parked and still there without a choice of their own, oldest first: what refused.
-- parameters: $1 how many to return at most
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT k.account::text AS account, k.wave, k.sqlstate, k.problem, k.parked_at
  FROM keyward.parked_account AS k
  JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }} = k.account
  LEFT JOIN keyward.account_setting AS s ON s.account = k.account
 WHERE {{ r.undecided("s" | safe) }}
 ORDER BY k.parked_at, k.account
 LIMIT $1
