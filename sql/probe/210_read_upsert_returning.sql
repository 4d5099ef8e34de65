-- id: read_upsert_returning
-- control: no_key_in_responses
-- vector: an upsert, RETURNING *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: unique_id

-- act:
INSERT INTO {{ key.table }} ({{ at.bare_columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.own_bare_values }})
ON CONFLICT ({{ key.id }}) DO UPDATE SET {{ row.link }} = excluded.{{ row.link }} RETURNING *;
