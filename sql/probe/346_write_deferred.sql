-- id: write_deferred
-- control: no_legacy_writes
-- vector: defers every constraint trigger first
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
SET CONSTRAINTS ALL DEFERRED;
{{ m.touch(at) }};

-- look:
{{ m.changed(at) }};
