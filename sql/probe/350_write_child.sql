-- id: write_child
-- control: no_legacy_writes
-- vector: INSERT into an inheritance child
-- who: legacy
-- expects: stopped
-- where: insert, child
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ child }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look:
{{ m.inserted(at) }};
