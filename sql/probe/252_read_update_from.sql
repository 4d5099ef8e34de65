-- id: read_update_from
-- control: no_key_in_responses
-- vector: UPDATE … FROM the same table, by a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows

-- act:
UPDATE {{ key.table }} AS b SET {{ row.link }} = b.{{ row.link }} FROM {{ key.table }} AS s
 WHERE b.{{ key.id }} = {{ at.id }} AND s.{{ key.id }} = b.{{ key.id }} AND s.{{ key.column }} {{ key.equals }} {{ at.key }} RETURNING b.{{ key.id }};
