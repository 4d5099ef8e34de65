-- id: read_own_view
-- control: no_key_in_responses
-- vector: a view of its own
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ key.table }};
SELECT * FROM pg_temp.keyward_probe AS b WHERE b.{{ key.id }} = {{ at.id }};
