-- purpose: What enforcement would have stopped in the last $1 days, one row for each account that it would hit, busiest first: how many
--   writes (a transaction that does the same many times counts once), when, and by which roles doing what. Accounts that have opted
--   out by now are left out.
-- role: owner

WITH fact AS (
    SELECT o.account, o.control, o.act, o.role, pg_catalog.sum(o.transactions)::bigint AS writes,
           pg_catalog.min(o.day) AS first_day, pg_catalog.max(o.day) AS last_day
      FROM keyward.observation AS o
     WHERE o.day > (pg_catalog.now() AT TIME ZONE 'UTC')::date - $1::bigint::integer
     GROUP BY o.account, o.control, o.act, o.role
), hit AS (
    SELECT f.account, pg_catalog.sum(f.writes)::bigint AS writes, pg_catalog.min(f.first_day) AS first_day,
           pg_catalog.max(f.last_day) AS last_day,
           pg_catalog.jsonb_agg(pg_catalog.to_jsonb(f) - 'account' ORDER BY f.writes DESC, f.role, f.control, f.act) AS facts
      FROM fact AS f
     GROUP BY f.account
)
SELECT h.account, h.writes, h.first_day, h.last_day, h.facts,
       EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = h.account::{{ accounts.id_type }}) AS is_there,
       COALESCE(s.enabled, false) AS enabled
  FROM hit AS h
  LEFT JOIN keyward.account_setting AS s ON s.account = h.account::{{ accounts.id_type }}
 WHERE (s.enabled OR s.source <> 'opt_out') IS NOT FALSE
 ORDER BY h.writes DESC, h.account
