-- id: read_join_using
-- control: no_key_in_responses
-- vector: JOIN … USING (key) with a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows

-- act:
SELECT 1 FROM {{ key.table }} AS b JOIN (VALUES ({{ at.key }})) AS s ({{ key.column }}) USING ({{ key.column }}) WHERE b.{{ key.id }} = {{ at.id }};
