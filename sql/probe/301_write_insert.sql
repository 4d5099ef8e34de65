-- id: write_insert
-- control: no_legacy_writes
-- vector: INSERT
-- who: legacy
-- expects: stopped
-- where: insert
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.insert(at) }};

-- look:
{{ m.inserted(at) }};
