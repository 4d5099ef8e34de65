-- id: key_insert_on_conflict
-- control: no_automatic_key
-- vector: INSERT … ON CONFLICT DO NOTHING
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.insert(at) }} ON CONFLICT DO NOTHING;

-- look as owner:
{{ m.new_row(at) }};
