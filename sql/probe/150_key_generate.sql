-- id: key_generate
-- control: no_automatic_key
-- vector: calls the function that makes keys
-- who: api
-- expects: stopped
-- tell: success
-- with: ui

-- act:
SELECT keyward.{{ "generate_" ~ key.name }}({{ at.id }}) IS NULL;

-- counter:
SELECT keyward.{{ "generate_" ~ key.name }}({{ at.id }}) IS NULL;
