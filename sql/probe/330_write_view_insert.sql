-- id: write_view_insert
-- control: no_legacy_writes
-- vector: an owner-rights view: INSERT
-- who: legacy
-- expects: stopped
-- where: insert
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT {{ at.columns }} FROM {{ row.table }};
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};

-- act:
INSERT INTO pg_temp.keyward_probe ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look:
{{ m.inserted(at) }};
