-- id: key_sealed
-- control: no_automatic_key
-- vector: turning the setting on leaves a key in its column
-- who: api
-- expects: hidden
-- hide: vault

-- act:
SELECT 1;

-- look as owner:
SELECT CASE WHEN b.{{ key.column }} IS NULL AND v.{{ key.column }} {{ key.equals }} {{ at.key }} THEN 'hidden' ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
 WHERE b.{{ key.id }} = {{ at.id }};
