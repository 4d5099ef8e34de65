-- id: read_for_update
-- control: no_key_in_responses
-- vector: SELECT … FOR UPDATE
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }} FOR UPDATE;
