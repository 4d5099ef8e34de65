-- id: key_clear
-- control: no_automatic_key
-- vector: an UPDATE clears the key
-- who: api
-- expects: stripped
-- lends: UPDATE
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ key.table }} SET {{ key.column }} = NULL WHERE {{ key.id }} = {{ at.id }};

-- look as owner:
{{ m.kept(at) }};
