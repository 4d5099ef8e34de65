-- id: read_update_duplicate
-- control: no_key_in_responses
-- vector: an UPDATE's duplicate-key error tells it
-- who: api
-- expects: hidden
-- lends: UPDATE
-- tell: 23505
-- where: unique_key, spare, not_accounts

-- act:
UPDATE {{ key.table }} SET {{ key.column }} = {{ at.key }} WHERE {{ key.id }} = {{ other.id }};
