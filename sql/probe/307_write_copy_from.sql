-- id: write_copy_from
-- control: no_legacy_writes
-- vector: COPY FROM
-- who: legacy
-- expects: stopped, refused
-- where: insert
{% import "probe/_macros.sql" as m %}

-- act:
COPY {{ row.table }} ({{ at.columns }}) FROM STDIN;

-- look:
{{ m.inserted(at) }};
