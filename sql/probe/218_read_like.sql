-- id: read_like
-- control: no_key_in_responses
-- vector: WHERE key LIKE a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows

-- act:
SELECT 1 FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }} AND b.{{ key.column }}::text LIKE pg_catalog.left({{ at.key }}::text, -3) || '%';
