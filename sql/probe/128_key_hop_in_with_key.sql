-- id: key_hop_in_with_key
-- control: no_automatic_key
-- vector: a row moves into the account and is given a key at once
-- who: api
-- expects: stripped, stopped
-- lends: UPDATE
-- where: moves, spare
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ key.table }} SET {{ row.link }} = {{ at.link }}, {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ other.id }};

-- look as owner:
{{ m.arrived(other, at) }};
