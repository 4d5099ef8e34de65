-- id: write_prepared
-- control: no_legacy_writes
-- vector: a prepared UPDATE
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
PREPARE keyward_probe AS {{ m.touch(at) }};
EXECUTE keyward_probe;

-- look:
{{ m.changed(at) }};
