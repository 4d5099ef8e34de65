-- id: write_insert_cte
-- control: no_legacy_writes
-- vector: a data-modifying CTE inserts
-- who: legacy
-- expects: stopped
-- where: insert
{% import "probe/_macros.sql" as m %}

-- act:
WITH made AS ({{ m.insert(at) }} RETURNING 1) SELECT count(*) FROM made;

-- look:
{{ m.inserted(at) }};
