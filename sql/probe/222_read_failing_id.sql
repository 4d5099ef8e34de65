-- id: read_failing_id
-- control: no_key_in_responses
-- vector: “Failing row contains …”, the id itself at fault
-- who: api
-- expects: hidden
-- lends: SELECT
-- wall: hidden
-- tell: shows
-- where: not_null_id, details

-- act:
UPDATE {{ key.table }} SET {{ key.id }} = NULL WHERE {{ key.id }} = {{ at.id }};
