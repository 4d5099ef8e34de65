-- id: read_failing_row
-- control: no_key_in_responses
-- vector: “Failing row contains …”
-- who: api
-- expects: hidden
-- lends: SELECT
-- wall: hidden
-- tell: shows
-- where: not_null, details

-- act:
UPDATE {{ key.table }} SET {{ row.not_null }} = NULL WHERE {{ key.id }} = {{ at.id }};
