-- purpose: Accounts that are off and have rows with a key that the waves sealed: rows that came from another account, or were sealed by a transaction
--   that saw the setting of before.
-- parameters: $1 the waves; $2 how many to return at most; $3 which to leave out
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT DISTINCT {{ r.account(key) }}::text AS account
  FROM keyward.{{ "vault_" ~ key.name }} AS k
  JOIN {{ key.table }} AS b ON b.{{ key.id }} = k.{{ key.id }}
{% if key.account.via %}
  JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
{% endif %}
  LEFT JOIN keyward.account_setting AS s ON s.account = {{ r.account(key) }}
 WHERE k.sealed_by_wave = ANY ($1::text[]::integer[]) AND {{ r.account(key) }}::text <> ALL ($3::text[]) AND NOT {{ r.enabled(key, "true" | safe) }}
 LIMIT $2
