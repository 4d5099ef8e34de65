-- id: read_old_returning
-- control: no_key_in_responses
-- vector: RETURNING old.*
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: old_returning
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.touch(at) }} RETURNING old.*, new.*;
