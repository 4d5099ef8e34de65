-- id: read_own_copy
-- control: no_key_in_responses
-- vector: CREATE TABLE AS, SELECT INTO
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
CREATE TEMP TABLE keyward_probe AS SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
SELECT * FROM pg_temp.keyward_probe;
