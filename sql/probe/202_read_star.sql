-- id: read_star
-- control: no_key_in_responses
-- vector: SELECT *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
