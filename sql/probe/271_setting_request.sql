-- id: setting_request
-- control: no_key_in_responses, no_legacy_writes
-- vector: requests a change of the setting
-- who: api, legacy
-- expects: stopped
-- tell: success
-- where: ui
-- with: ui

-- act:
INSERT INTO keyward.setting_change (account, enabled, reason) VALUES ({{ at.account }}, false, 'keyward verify');

-- counter:
INSERT INTO keyward.setting_change (account, enabled, reason) VALUES ({{ at.account }}, false, 'keyward verify');
