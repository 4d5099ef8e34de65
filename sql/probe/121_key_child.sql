-- id: key_child
-- control: no_automatic_key
-- vector: writes an inheritance child
-- who: api, ui
-- expects: withheld
-- lends: INSERT
-- where: child
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ child }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look as owner:
{{ m.new_row(at) }};
