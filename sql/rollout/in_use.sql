-- purpose: The accounts of a batch that have keys to move: how many of their rows are now locked for it, and how many another transaction holds.
-- parameters: $1 the accounts{% if of == "settings" %}; $2 the waves that sealed the keys{% endif %}

-- role: owner
-- lock: FOR UPDATE or FOR NO KEY UPDATE, as their UPDATE will, on the rows that are about to be written
{% import "rollout/_macros.sql" as r %}
{% macro rows() %}
      FROM {{ key.table }} AS b
{% if key.account.via %}
      JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
{% endif %}
{% if of == "settings" %}
      JOIN keyward.{{ "vault_" ~ key.name }} AS k ON k.{{ key.id }} = b.{{ key.id }} AND k.sealed_by_wave = ANY ($2::text[]::integer[])
     WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[])
{%- else %}
     WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[]) AND b.{{ key.column }} IS NOT NULL
{%- endif %}
{% endmacro %}

WITH ours AS MATERIALIZED (
    SELECT {{ r.account(key) }} AS account
{{ rows() }}
       {{ key.row_lock }} OF b SKIP LOCKED
), found AS MATERIALIZED (
    SELECT {{ r.account(key) }} AS account, pg_catalog.count(*) AS rows
{{ rows() }}
     GROUP BY {{ r.account(key) }}
), locked AS MATERIALIZED (
    SELECT o.account, pg_catalog.count(*) AS rows FROM ours AS o GROUP BY o.account
)
SELECT f.account::text AS account, COALESCE(l.rows, 0) AS ours, f.rows - COALESCE(l.rows, 0) AS others
  FROM found AS f
  LEFT JOIN locked AS l ON l.account = f.account
