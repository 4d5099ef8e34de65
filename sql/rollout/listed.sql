-- purpose: How many accounts there are, how many of a list are among them, how many of those have no setting of their own; and the first
--   ids of the list that are no account's.
-- parameters: $1 the accounts listed
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT (SELECT pg_catalog.count(*) FROM {{ accounts.table }}) AS accounts,
       pg_catalog.count(a.{{ accounts.id }}) AS members,
       pg_catalog.count(a.{{ accounts.id }}) FILTER (WHERE {{ r.undecided("s" | safe) }}) AS eligible,
       COALESCE((pg_catalog.array_agg(l.id ORDER BY l.no) FILTER (WHERE a.{{ accounts.id }} IS NULL))[1:5], '{}') AS missing,
       pg_catalog.count(*) FILTER (WHERE a.{{ accounts.id }} IS NULL) AS missing_count
  FROM (SELECT x.id, pg_catalog.min(x.no) AS no FROM ROWS FROM (pg_catalog.unnest($1::text[])) WITH ORDINALITY AS x (id, no) GROUP BY x.id) AS l
  LEFT JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }}::text = l.id
  LEFT JOIN keyward.account_setting AS s ON s.account = a.{{ accounts.id }}
