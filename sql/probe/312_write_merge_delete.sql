-- id: write_merge_delete
-- control: no_legacy_writes
-- vector: MERGE … DELETE
-- who: legacy
-- expects: stopped
-- where: merge, delete
{% import "probe/_macros.sql" as m %}

-- act:
MERGE INTO {{ row.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) ON b.{{ row.id }} = s.id
WHEN MATCHED THEN DELETE;

-- look:
{{ m.changed(at) }};
