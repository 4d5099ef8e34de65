-- purpose: How many accounts there are, how many of them are in a run's share, and how many of those have no setting of their own.
-- parameters: $1 the share in hundredths of a percent
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT pg_catalog.count(*) AS accounts,
       pg_catalog.count(*) FILTER (WHERE x.member) AS members,
       pg_catalog.count(*) FILTER (WHERE x.member AND {{ r.undecided("s" | safe) }}) AS eligible
  FROM (SELECT a.{{ accounts.id }} AS id, {{ r.member(("a." | safe) ~ accounts.id, "$1::bigint" | safe) }} AS member FROM {{ accounts.table }} AS a) AS x
  LEFT JOIN keyward.account_setting AS s ON s.account = x.id
