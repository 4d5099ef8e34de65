-- purpose: Publishes exactly the keys that waves sealed in rows whose account can't be determined, once no account is enabled any more: until then, such
--   a row counts as enabled. Returns how many left the vault and how many arrived; where the two differ, it must be undone.
-- parameters: $1 the waves; $2 how many to take at most
-- role: owner
{% import "enforce/_macros.sql" as m %}
{% import "rollout/_macros.sql" as r %}

WITH unknown AS (
    SELECT b.{{ key.id }} AS id
      FROM keyward.{{ "vault_" ~ key.name }} AS k
      JOIN {{ key.table }} AS b ON b.{{ key.id }} = k.{{ key.id }}
{% if key.account.via %}
      LEFT JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
{% endif %}
     WHERE k.sealed_by_wave = ANY ($1::text[]::integer[]) AND {{ r.account(key) }} IS NULL
       AND NOT (SELECT {{ m.effective("x.account" | safe) }} FROM (SELECT NULL::{{ accounts.id_type }} AS account) AS x)
     LIMIT $2
), gone AS (
    DELETE FROM keyward.{{ "vault_" ~ key.name }} AS k USING unknown AS u WHERE k.{{ key.id }} = u.id
    RETURNING k.{{ key.id }} AS id, k.{{ key.column }} AS key
), put AS (
    UPDATE {{ key.table }} AS b SET {{ key.column }} = g.key FROM gone AS g WHERE b.{{ key.id }} = g.id
    RETURNING b.{{ key.column }} = g.key AS intact
)
SELECT pg_catalog.jsonb_build_object(
           'taken', (SELECT pg_catalog.count(*) FROM gone),
           'published', (SELECT pg_catalog.count(*) FROM put AS p WHERE p.intact))::text
