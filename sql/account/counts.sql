-- purpose: What an import would do: how many accounts are in it, have opted out already, are enabled now, opted in explicitly,
--   and how many sealed keys of them it would publish.
-- role: owner
{% import "account/_keys.sql" as k %}
SELECT count(*) AS accounts,
       count(*) FILTER (WHERE NOT s.enabled AND s.source = 'opt_out') AS already,
       count(*) FILTER (WHERE COALESCE(s.enabled, p.default_enabled)) AS enabled,
       count(*) FILTER (WHERE s.enabled AND s.source = 'opt_in') AS opted_in,
       0
{% for key in keys %}
       + (SELECT count(*) FROM {{ k.sealed(key) }} WHERE {{ k.account(key) }} IN (SELECT j.account FROM pg_temp.keyward_import AS j))
{% endfor %}
       AS keys
  FROM pg_temp.keyward_import AS i
  LEFT JOIN keyward.account_setting AS s ON s.account = i.account
 CROSS JOIN keyward.policy AS p
