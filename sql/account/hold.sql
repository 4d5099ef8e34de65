-- purpose: Keeps changes of the setting of account $1 away until the end of the transaction: the lock that opt_out takes first.
-- role: owner
{% import "enforce/_macros.sql" as m %}
SELECT pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("($1::text::" | safe ~ id_type ~ ")" | safe) }})::text AS held
