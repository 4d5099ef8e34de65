-- purpose: How many keys of a table are sealed and how many published; of these, how many in accounts that have the setting on, and in rows
--   whose account can't be determined.
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT (SELECT pg_catalog.count(*) FROM keyward.{{ "vault_" ~ key.name }}) AS sealed,
       pg_catalog.count(*) AS published,
       pg_catalog.count(*) FILTER (WHERE {{ r.enabled(key, "false" | safe) }}) AS published_enabled,
       pg_catalog.count(*) FILTER (WHERE {{ r.account(key) }} IS NULL) AS published_unknown
  FROM {{ r.rows(key) }}
  LEFT JOIN keyward.account_setting AS s ON s.account = {{ r.account(key) }}
 WHERE b.{{ key.column }} IS NOT NULL
