-- id: write_replica_role
-- control: no_legacy_writes
-- vector: UPDATE under session_replication_role = replica
-- who: legacy
-- expects: stopped
-- where: update
-- needs: replica_role
{% import "probe/_macros.sql" as m %}

-- set-up as runner:
SET LOCAL session_replication_role = replica;

-- act:
{{ m.touch(at) }};

-- look:
{{ m.changed(at) }};
