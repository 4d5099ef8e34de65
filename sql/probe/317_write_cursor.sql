-- id: write_cursor
-- control: no_legacy_writes
-- vector: UPDATE … WHERE CURRENT OF
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
DECLARE keyward_probe CURSOR FOR SELECT * FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }} FOR UPDATE;
FETCH keyward_probe;
UPDATE {{ row.table }} SET {{ row.link }} = {{ row.link }} WHERE CURRENT OF keyward_probe;

-- look:
{{ m.changed(at) }};
