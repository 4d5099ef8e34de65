-- id: read_returning
-- control: no_key_in_responses
-- vector: UPDATE … RETURNING *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.touch(at) }} RETURNING *;
