-- id: key_insert
-- control: no_automatic_key
-- vector: names a key in an INSERT
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.insert(at) }};

-- look as owner:
{{ m.new_row(at) }};
