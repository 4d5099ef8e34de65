-- id: write_update
-- control: no_legacy_writes
-- vector: UPDATE
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.touch(at) }};

-- look:
{{ m.changed(at) }};
