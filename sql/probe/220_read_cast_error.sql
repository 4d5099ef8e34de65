-- id: read_cast_error
-- control: no_key_in_responses
-- vector: an error that quotes the value
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT b.{{ key.column }}::text::boolean FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
