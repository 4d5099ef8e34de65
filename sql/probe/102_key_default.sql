-- id: key_default
-- control: no_automatic_key
-- vector: the column's default fills a key in
-- who: api, ui
-- expects: withheld
-- where: default
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.insert_bare(at) }};

-- look as owner:
{{ m.new_row(at) }};
