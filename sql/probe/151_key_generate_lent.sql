-- id: key_generate_lent
-- control: no_automatic_key
-- vector: is lent the function that makes keys
-- who: api
-- expects: stopped
-- tell: success
-- with: ui

-- set-up as owner:
GRANT EXECUTE ON FUNCTION keyward.{{ "generate_" ~ key.name }}({{ key.id_type }}) TO {{ role }};

-- act:
SELECT keyward.{{ "generate_" ~ key.name }}({{ at.id }}) IS NULL;

-- counter:
SELECT keyward.{{ "generate_" ~ key.name }}({{ at.id }}) IS NULL;
