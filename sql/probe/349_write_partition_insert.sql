-- id: write_partition_insert
-- control: no_legacy_writes
-- vector: INSERT into the partition itself
-- who: legacy
-- expects: stopped
-- where: insert, partition
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ at.part }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look:
{{ m.inserted(at) }};
