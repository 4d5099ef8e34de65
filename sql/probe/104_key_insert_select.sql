-- id: key_insert_select
-- control: no_automatic_key
-- vector: INSERT … SELECT
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ key.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE SELECT {{ at.values }};

-- look as owner:
{{ m.new_row(at) }};
