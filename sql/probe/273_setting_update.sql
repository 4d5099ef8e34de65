-- id: setting_update
-- control: no_key_in_responses, no_legacy_writes
-- vector: writes the table of settings
-- who: api, legacy
-- expects: stopped
-- with: owner
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE keyward.account_setting SET enabled = false WHERE account = {{ at.account }};

-- counter:
UPDATE keyward.account_setting SET enabled = false WHERE account = {{ at.account }};

-- look as owner:
{{ m.still_on(at) }};
