-- id: key_prepared
-- control: no_automatic_key
-- vector: a prepared INSERT
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
PREPARE keyward_probe AS {{ m.insert(at) }};
EXECUTE keyward_probe;

-- look as owner:
{{ m.new_row(at) }};
