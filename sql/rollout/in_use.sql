-- purpose: Which of the accounts have a row with a published key that another transaction holds. The rows of all others are locked.
-- parameters: $1 the accounts
-- role: owner
-- lock: FOR NO KEY UPDATE on the rows that are about to be sealed
{% import "rollout/_macros.sql" as r %}

WITH ours AS MATERIALIZED (
    SELECT b.{{ key.id }} AS id
{% if key.account.via %}
      FROM {{ key.table }} AS b JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
{% else %}
      FROM {{ key.table }} AS b
{% endif %}
     WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[]) AND b.{{ key.column }} IS NOT NULL
       FOR NO KEY UPDATE OF b SKIP LOCKED
)
SELECT DISTINCT {{ r.account(key) }}::text AS account
  FROM {{ r.rows(key) }}
 WHERE {{ r.account(key) }} = ANY ($1::text[]::{{ accounts.id_type }}[]) AND b.{{ key.column }} IS NOT NULL
   AND NOT EXISTS (SELECT FROM ours AS o WHERE o.id = b.{{ key.id }})
