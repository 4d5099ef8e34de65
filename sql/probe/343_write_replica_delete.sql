-- id: write_replica_delete
-- control: no_legacy_writes
-- vector: DELETE under session_replication_role = replica
-- who: legacy
-- expects: stopped
-- where: delete
-- needs: replica_role
{% import "probe/_macros.sql" as m %}

-- set-up as runner:
SET LOCAL session_replication_role = replica;

-- act:
DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
