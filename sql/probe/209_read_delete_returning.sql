-- id: read_delete_returning
-- control: no_key_in_responses
-- vector: DELETE … RETURNING *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
DELETE FROM {{ key.table }} WHERE {{ key.id }} = {{ at.id }} RETURNING *;
