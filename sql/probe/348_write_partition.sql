-- id: write_partition
-- control: no_legacy_writes
-- vector: UPDATE of the partition itself
-- who: legacy
-- expects: stopped
-- where: update, partition
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ at.part }} SET {{ row.link }} = {{ row.link }} WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
