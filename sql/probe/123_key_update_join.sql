-- id: key_update_join
-- control: no_automatic_key
-- vector: UPDATE … FROM sets a key
-- who: api
-- expects: withheld
-- lends: UPDATE
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ key.table }} AS b SET {{ key.column }} = s.k FROM (VALUES ({{ at.id }}, {{ at.new_key }})) AS s (id, k) WHERE b.{{ key.id }} = s.id;

-- look as owner:
{{ m.kept(at) }};
