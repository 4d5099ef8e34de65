-- id: setting_opt_out
-- control: no_key_in_responses, no_legacy_writes
-- vector: opts the account out
-- who: api, legacy
-- expects: stopped
-- where: ui, fresh_accounts
-- with: ui
{% import "probe/_macros.sql" as m %}

-- act:
SELECT keyward.opt_out({{ at.account }}, 'keyward verify', true);

-- counter:
SELECT keyward.opt_out({{ at.account }}, 'keyward verify', true);

-- look as owner:
{{ m.still_on(at) }};
