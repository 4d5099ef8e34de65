-- id: read_aggregate
-- control: no_key_in_responses
-- vector: string_agg, min, max
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT pg_catalog.string_agg(b.{{ key.column }}::text, ','), pg_catalog.min(b.{{ key.column }}::text), pg_catalog.max(b.{{ key.column }}::text) FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
