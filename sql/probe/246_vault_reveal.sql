-- id: vault_reveal
-- control: no_key_in_responses
-- vector: calls the function that reveals keys
-- who: api
-- expects: stopped
-- tell: shows
-- with: ui

-- act:
SELECT keyward.{{ "reveal_" ~ key.name }}({{ at.id }});

-- counter:
SELECT keyward.{{ "reveal_" ~ key.name }}({{ at.id }});
