-- id: key_view
-- control: no_automatic_key
-- vector: INSERT through an owner-rights view
-- who: api, ui
-- expects: withheld
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT {{ at.columns }} FROM {{ key.table }};
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};

-- act:
INSERT INTO pg_temp.keyward_probe ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look as owner:
{{ m.new_row(at) }};
