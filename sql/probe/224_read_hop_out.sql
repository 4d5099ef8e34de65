-- id: read_hop_out
-- control: no_key_in_responses
-- vector: the row moves to an account that is off, RETURNING *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: moves, spare
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.move(at, other) }} RETURNING *;
