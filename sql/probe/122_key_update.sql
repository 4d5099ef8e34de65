-- id: key_update
-- control: no_automatic_key
-- vector: a later UPDATE sets a key
-- who: api
-- expects: withheld
-- lends: UPDATE
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ key.table }} SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ at.id }};

-- look as owner:
{{ m.kept(at) }};
