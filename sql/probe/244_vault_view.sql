-- id: vault_view
-- control: no_key_in_responses
-- vector: reads the vault through a view of the UI's
-- who: api
-- expects: stopped, hidden
-- hide: vault
-- tell: shows
-- with: ui

-- set-up as ui:
CREATE TEMP VIEW keyward_probe AS SELECT v.{{ key.column }} FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }};
GRANT SELECT ON pg_temp.keyward_probe TO {{ role }};

-- act:
SELECT * FROM pg_temp.keyward_probe;

-- counter:
SELECT * FROM pg_temp.keyward_probe;
