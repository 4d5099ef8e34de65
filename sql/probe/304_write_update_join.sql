-- id: write_update_join
-- control: no_legacy_writes
-- vector: UPDATE … FROM
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ row.table }} AS b SET {{ row.link }} = b.{{ row.link }} FROM (VALUES ({{ at.id }})) AS s (id) WHERE b.{{ row.id }} = s.id;

-- look:
{{ m.changed(at) }};
