-- id: key_upsert_constant
-- control: no_automatic_key
-- vector: an upsert whose UPDATE arm sets the key to a constant
-- who: api
-- expects: withheld
-- lends: INSERT, UPDATE
-- where: unique_id
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ key.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.own_values }})
ON CONFLICT ({{ key.id }}) DO UPDATE SET {{ key.column }} = {{ at.new_key }};

-- look as owner:
{{ m.kept(at) }};
