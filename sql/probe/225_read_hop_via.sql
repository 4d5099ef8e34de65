-- id: read_hop_via
-- control: no_key_in_responses
-- vector: the row that it hangs on moves to an account that is off
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: via, spare

-- act:
UPDATE {{ row.via }} SET {{ row.via_account }} = {{ other.account }} WHERE {{ row.via_id }} = {{ at.link }};
SELECT b.* FROM {{ key.table }} AS b JOIN {{ row.via }} AS h ON h.{{ row.via_id }} = b.{{ row.link }}
 WHERE b.{{ key.id }} = {{ at.id }} AND h.{{ row.via_account }} = {{ other.account }};
