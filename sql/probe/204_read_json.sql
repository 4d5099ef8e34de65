-- id: read_json
-- control: no_key_in_responses
-- vector: row_to_json, to_jsonb
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT pg_catalog.row_to_json(b), pg_catalog.to_jsonb(b) FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
