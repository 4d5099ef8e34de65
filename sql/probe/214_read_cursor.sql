-- id: read_cursor
-- control: no_key_in_responses
-- vector: a cursor
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
DECLARE keyward_probe CURSOR FOR SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
FETCH ALL FROM keyward_probe;
