-- id: vault_public
-- control: no_key_in_responses
-- vector: reads the vault after GRANT … TO PUBLIC
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows
-- with: ui

-- set-up as owner:
GRANT USAGE ON SCHEMA keyward TO PUBLIC;
GRANT ALL ON keyward.{{ "vault_" ~ key.name }} TO PUBLIC;

-- act:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};

-- counter:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};
