-- id: write_view_update
-- control: no_legacy_writes
-- vector: an owner-rights view: UPDATE
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ row.table }};
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};

-- act:
UPDATE pg_temp.keyward_probe SET {{ row.link }} = {{ row.link }} WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
