-- id: write_delete_cte
-- control: no_legacy_writes
-- vector: a data-modifying CTE deletes
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- act:
WITH gone AS (DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }} RETURNING 1) SELECT count(*) FROM gone;

-- look:
{{ m.changed(at) }};
