-- id: write_upsert
-- control: no_legacy_writes
-- vector: INSERT … ON CONFLICT DO UPDATE
-- who: legacy
-- expects: stopped
-- where: unique_id, update
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ row.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.own_values }})
ON CONFLICT ({{ row.id }}) DO UPDATE SET {{ row.link }} = excluded.{{ row.link }};

-- look:
{{ m.changed(at) }};
