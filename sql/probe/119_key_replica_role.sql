-- id: key_replica_role
-- control: no_automatic_key
-- vector: inserts under session_replication_role = replica
-- who: api, ui
-- expects: withheld
-- lends: INSERT
-- needs: replica_role
{% import "probe/_macros.sql" as m %}

-- set-up as runner:
SET LOCAL session_replication_role = replica;

-- act:
{{ m.insert(at) }};

-- look as owner:
{{ m.new_row(at) }};
