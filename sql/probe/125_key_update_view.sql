-- id: key_update_view
-- control: no_automatic_key
-- vector: UPDATE through an owner-rights view sets a key
-- who: api
-- expects: withheld
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ key.table }};
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};

-- act:
UPDATE pg_temp.keyward_probe SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ at.id }};

-- look as owner:
{{ m.kept(at) }};
