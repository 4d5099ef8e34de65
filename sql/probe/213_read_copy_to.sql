-- id: read_copy_to
-- control: no_key_in_responses
-- vector: COPY TO
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
COPY (SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }}) TO STDOUT;
