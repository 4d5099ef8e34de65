-- id: write_upsert_hop
-- control: no_legacy_writes
-- vector: an upsert that names another account
-- who: legacy
-- expects: stopped
-- where: unique_id, update, spare, not_accounts
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ row.table }} AS b ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.foreign_values }})
ON CONFLICT ({{ row.id }}) DO UPDATE SET {{ row.link }} = b.{{ row.link }};

-- look:
{{ m.changed(at) }};
