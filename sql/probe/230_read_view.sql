-- id: read_view
-- control: no_key_in_responses
-- vector: an owner-rights view
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows

-- set-up:
CREATE TEMP VIEW keyward_probe AS SELECT * FROM {{ key.table }};
GRANT SELECT ON pg_temp.keyward_probe TO {{ role }};

-- act:
SELECT * FROM pg_temp.keyward_probe AS b WHERE b.{{ key.id }} = {{ at.id }};
