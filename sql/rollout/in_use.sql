-- purpose: The accounts of a batch that have keys to move: how many of their rows are now locked for it, and how many another transaction holds.
-- parameters: $1 the accounts{% if of == "settings" %}; $2 the waves that sealed the keys{% endif %}

-- role: owner
-- lock: FOR NO KEY UPDATE on the rows that are about to be written
{% import "rollout/_macros.sql" as r %}

WITH rows AS MATERIALIZED (
    SELECT b.{{ key.id }} AS id, {{ r.account(key) }} AS account
{% if key.account.via %}
      FROM {{ key.table }} AS b JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
{% else %}
      FROM {{ key.table }} AS b
{% endif %}
{% if of == "settings" %}
      JOIN keyward.{{ "vault_" ~ key.name }} AS k ON k.{{ key.id }} = b.{{ key.id }} AND k.sealed_by_wave = ANY ($2::text[]::integer[])
     WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[])
{% else %}
     WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[]) AND b.{{ key.column }} IS NOT NULL
{% endif %}
), ours AS MATERIALIZED (
    SELECT b.{{ key.id }} AS id
      FROM {{ key.table }} AS b
     WHERE b.{{ key.id }} IN (SELECT x.id FROM rows AS x)
       FOR NO KEY UPDATE OF b SKIP LOCKED
)
SELECT x.account::text AS account, pg_catalog.count(o.id) AS ours, pg_catalog.count(*) - pg_catalog.count(o.id) AS others
  FROM rows AS x
  LEFT JOIN ours AS o ON o.id = x.id
 GROUP BY x.account
