-- id: read_natural_join
-- control: no_key_in_responses
-- vector: NATURAL JOIN
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT * FROM {{ key.table }} AS b NATURAL JOIN (VALUES ({{ at.id }})) AS s ({{ key.id }});
