-- id: key_copy_from
-- control: no_automatic_key
-- vector: COPY FROM
-- who: api, ui
-- expects: withheld, refused
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
COPY {{ key.table }} ({{ at.columns }}) FROM STDIN;

-- look as owner:
{{ m.new_row(at) }};
