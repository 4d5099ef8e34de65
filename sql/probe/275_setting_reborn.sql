-- id: setting_reborn
-- control: no_key_in_responses, no_legacy_writes
-- vector: deletes the account and makes it again
-- who: api, legacy
-- expects: stopped
-- where: fresh_accounts
-- with: owner
{% import "probe/_macros.sql" as m %}

-- act:
DELETE FROM {{ accounts.table }} WHERE {{ accounts.id }} = {{ at.account }};
INSERT INTO {{ accounts.table }} ({{ at.account_columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.account_values }});

-- counter:
UPDATE keyward.account_setting SET enabled = false WHERE account = {{ at.account }};

-- look as owner:
{{ m.still_on(at) }};
