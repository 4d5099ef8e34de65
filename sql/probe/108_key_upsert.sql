-- id: key_upsert
-- control: no_automatic_key
-- vector: an upsert whose UPDATE arm sets the key
-- who: api, ui
-- expects: withheld
-- lends: SELECT, INSERT, UPDATE
-- where: unique_id
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ key.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.own_values }})
ON CONFLICT ({{ key.id }}) DO UPDATE SET {{ key.column }} = excluded.{{ key.column }};

-- look as owner:
{{ m.kept(at) }};
