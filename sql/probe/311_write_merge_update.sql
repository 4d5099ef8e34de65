-- id: write_merge_update
-- control: no_legacy_writes
-- vector: MERGE … UPDATE
-- who: legacy
-- expects: stopped
-- where: merge, update
{% import "probe/_macros.sql" as m %}

-- act:
MERGE INTO {{ row.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) ON b.{{ row.id }} = s.id
WHEN MATCHED THEN UPDATE SET {{ row.link }} = b.{{ row.link }};

-- look:
{{ m.changed(at) }};
