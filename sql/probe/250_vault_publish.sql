-- id: vault_publish
-- control: no_key_in_responses
-- vector: calls keyward's own functions that publish keys
-- who: api
-- expects: stopped
-- hide: vault
-- tell: shows
-- where: fresh_accounts
-- with: owner

-- act:
SELECT keyward.{{ "publish_" ~ key.name }}(ARRAY[{{ at.account }}]);
SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};

-- counter:
UPDATE keyward.account_setting SET enabled = false WHERE account = {{ at.account }};
SELECT 1 FROM keyward.{{ "publish_" ~ key.name }}(ARRAY[{{ at.account }}]);
SELECT b.{{ key.column }} FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
