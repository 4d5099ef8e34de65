-- id: vault_authenticate
-- control: no_key_in_responses
-- vector: asks which row a guessed key belongs to
-- who: api
-- expects: stopped
-- tell: rows
-- where: auth
-- with: auth

-- act:
SELECT a.id FROM keyward.{{ "authenticate_" ~ key.name }}({{ at.key }}) AS a;

-- counter:
SELECT a.id FROM keyward.{{ "authenticate_" ~ key.name }}({{ at.key }}) AS a;
