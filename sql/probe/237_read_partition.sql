-- id: read_partition
-- control: no_key_in_responses
-- vector: reads the partition itself
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: partition

-- act:
SELECT * FROM {{ at.part }} AS b WHERE b.{{ key.id }} = {{ at.id }};
