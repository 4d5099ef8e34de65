-- id: read_row
-- control: no_key_in_responses
-- vector: the whole row as one value
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT b FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
