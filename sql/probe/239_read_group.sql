-- id: read_group
-- control: no_key_in_responses
-- vector: GROUP BY key, HAVING a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows

-- act:
SELECT 1 FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }} GROUP BY b.{{ key.column }} HAVING b.{{ key.column }} {{ key.equals }} {{ at.key }};
