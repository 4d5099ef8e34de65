-- id: write_delete
-- control: no_legacy_writes
-- vector: DELETE
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- act:
DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
