-- id: read_failing_hop
-- control: no_key_in_responses
-- vector: “Failing row contains …”, on the way to another account
-- who: api
-- expects: hidden
-- lends: SELECT
-- wall: hidden
-- tell: shows
-- where: not_null, moves, spare, details

-- act:
UPDATE {{ key.table }} SET {{ row.not_null }} = NULL, {{ row.link }} = {{ other.link }} WHERE {{ key.id }} = {{ at.id }};
