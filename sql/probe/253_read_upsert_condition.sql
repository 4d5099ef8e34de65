-- id: read_upsert_condition
-- control: no_key_in_responses
-- vector: an upsert whose condition guesses the key
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: rows
-- where: unique_id

-- act:
INSERT INTO {{ key.table }} AS b ({{ at.bare_columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.own_bare_values }})
ON CONFLICT ({{ key.id }}) DO UPDATE SET {{ row.link }} = excluded.{{ row.link }} WHERE b.{{ key.column }} {{ key.equals }} {{ at.key }} RETURNING b.{{ key.id }};
