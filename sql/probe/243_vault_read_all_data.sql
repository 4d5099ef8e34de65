-- id: vault_read_all_data
-- control: no_key_in_responses
-- vector: reads the vault with pg_read_all_data
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows
-- needs: superuser
-- with: ui

-- set-up as runner:
GRANT pg_read_all_data TO {{ role }};

-- act:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};

-- counter:
SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};
