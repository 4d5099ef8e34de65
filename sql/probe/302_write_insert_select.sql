-- id: write_insert_select
-- control: no_legacy_writes
-- vector: INSERT … SELECT
-- who: legacy
-- expects: stopped
-- where: insert
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ row.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE SELECT {{ at.values }};

-- look:
{{ m.inserted(at) }};
