-- id: read_column
-- control: no_key_in_responses
-- vector: SELECT key
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT b.{{ key.column }} FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
