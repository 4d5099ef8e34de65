-- id: read_rule
-- control: no_key_in_responses
-- vector: a rule copies the row
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows

-- set-up:
CREATE TEMP TABLE keyward_probe (n integer);
CREATE TEMP TABLE keyward_copy AS SELECT * FROM {{ key.table }} WHERE false;
GRANT ALL ON pg_temp.keyward_probe, pg_temp.keyward_copy TO {{ role }};
CREATE RULE keyward_probe AS ON INSERT TO pg_temp.keyward_probe DO ALSO INSERT INTO pg_temp.keyward_copy SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};

-- act:
INSERT INTO pg_temp.keyward_probe VALUES (1);
SELECT * FROM pg_temp.keyward_copy;
