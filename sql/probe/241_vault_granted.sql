-- id: vault_granted
-- control: no_key_in_responses
-- vector: reads the vault after GRANT ALL ON ALL TABLES
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows
-- with: ui

-- set-up as owner:
GRANT USAGE ON SCHEMA keyward TO {{ role }};
GRANT ALL ON ALL TABLES IN SCHEMA keyward TO {{ role }};

-- act:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};

-- counter:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};
