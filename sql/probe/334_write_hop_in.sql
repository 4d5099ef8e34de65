-- id: write_hop_in
-- control: no_legacy_writes
-- vector: a row moves into the account
-- who: legacy
-- expects: stopped
-- where: update, moves, spare
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.move(other, at) }};

-- look:
{{ m.changed(other) }};
