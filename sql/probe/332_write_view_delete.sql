-- id: write_view_delete
-- control: no_legacy_writes
-- vector: an owner-rights view: DELETE
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ row.table }};
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};

-- act:
DELETE FROM pg_temp.keyward_probe WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
