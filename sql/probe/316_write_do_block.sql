-- id: write_do_block
-- control: no_legacy_writes
-- vector: an UPDATE inside DO
-- who: legacy
-- expects: stopped
-- where: update
{% import "probe/_macros.sql" as m %}

-- act:
DO $keyward$ BEGIN {{ m.touch(at) }}; END $keyward$;

-- look:
{{ m.changed(at) }};
