-- id: vault_direct
-- control: no_key_in_responses
-- vector: reads the vault
-- who: api
-- expects: stopped, hidden
-- hide: vault
-- tell: shows
-- with: ui

-- act:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};

-- counter:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};
