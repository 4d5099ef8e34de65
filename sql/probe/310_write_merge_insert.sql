-- id: write_merge_insert
-- control: no_legacy_writes
-- vector: MERGE … INSERT
-- who: legacy
-- expects: stopped
-- where: merge, insert
{% import "probe/_macros.sql" as m %}

-- act:
MERGE INTO {{ row.table }} AS b USING (VALUES ({{ at.new_id }})) AS s (id) ON b.{{ row.id }} = s.id
WHEN NOT MATCHED THEN INSERT ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look:
{{ m.inserted(at) }};
