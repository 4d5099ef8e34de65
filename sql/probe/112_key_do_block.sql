-- id: key_do_block
-- control: no_automatic_key
-- vector: an INSERT inside DO
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
DO $keyward$ BEGIN {{ m.insert(at) }}; END $keyward$;

-- look as owner:
{{ m.new_row(at) }};
