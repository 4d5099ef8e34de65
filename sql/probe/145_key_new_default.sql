-- id: key_new_default
-- control: no_automatic_key
-- vector: a default that somebody gives the column
-- who: api, ui
-- expects: withheld
-- lock: ACCESS EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
ALTER TABLE {{ key.table }} ALTER COLUMN {{ key.column }} SET DEFAULT {{ at.new_key }};

-- act:
{{ m.insert_bare(at) }};

-- look as owner:
{{ m.new_row(at) }};
