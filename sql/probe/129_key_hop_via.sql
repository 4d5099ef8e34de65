-- id: key_hop_via
-- control: no_automatic_key
-- vector: the row that a keyed row hangs on moves into the account
-- who: api, ui
-- expects: stripped, stopped
-- hide: vault
-- where: via, spare

-- act:
UPDATE {{ row.via }} SET {{ row.via_account }} = {{ at.account }} WHERE {{ row.via_id }} = {{ other.link }};

-- look as owner:
SELECT CASE WHEN h.{{ row.via_account }} IS DISTINCT FROM {{ at.account }} THEN 'silent'
            WHEN b.{{ key.column }} IS NULL AND v.{{ key.column }} {{ key.equals }} {{ other.key }} THEN 'stripped'
            ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b JOIN {{ row.via }} AS h ON h.{{ row.via_id }} = b.{{ row.link }}
  LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
 WHERE b.{{ key.id }} = {{ other.id }};
