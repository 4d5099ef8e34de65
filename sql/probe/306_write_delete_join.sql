-- id: write_delete_join
-- control: no_legacy_writes
-- vector: DELETE … USING
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- act:
DELETE FROM {{ row.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) WHERE b.{{ row.id }} = s.id;

-- look:
{{ m.changed(at) }};
