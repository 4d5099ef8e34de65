-- id: write_hop_out
-- control: no_legacy_writes
-- vector: a row moves out of the account
-- who: legacy
-- expects: stopped
-- where: update, moves, spare
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.move(at, other) }};

-- look:
{{ m.changed(at) }};
