-- id: read_order
-- control: no_key_in_responses
-- vector: ORDER BY key beside a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows

-- act:
SELECT 1 FROM (SELECT s.is_own, pg_catalog.rank() OVER (ORDER BY s.k) AS place
                 FROM (SELECT b.{{ key.column }}, true FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }}
                       UNION ALL VALUES ({{ at.key }}, false)) AS s (k, is_own)) AS o
 WHERE o.is_own AND o.place = 1;
