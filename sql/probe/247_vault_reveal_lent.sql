-- id: vault_reveal_lent
-- control: no_key_in_responses
-- vector: is lent the function that reveals keys
-- who: api
-- expects: stopped, hidden
-- tell: shows
-- with: ui

-- set-up as owner:
GRANT EXECUTE ON FUNCTION keyward.{{ "reveal_" ~ key.name }}({{ key.id_type }}) TO {{ role }};

-- act:
SELECT keyward.{{ "reveal_" ~ key.name }}({{ at.id }});

-- counter:
SELECT keyward.{{ "reveal_" ~ key.name }}({{ at.id }});
