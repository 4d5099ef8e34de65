-- purpose: Marks waves as stopped whose processes have all ended without a word.
-- role: owner
{% import "rollout/_macros.sql" as r %}

UPDATE keyward.wave AS w SET state = 'stopped', ended_at = pg_catalog.clock_timestamp()
 WHERE w.state = 'running' AND NOT {{ r.held("1801812346" | safe, "w.id" | safe) }}
