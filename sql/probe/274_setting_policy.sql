-- id: setting_policy
-- control: no_key_in_responses, no_legacy_writes
-- vector: turns the policy off
-- who: api, legacy
-- expects: stopped
-- tell: success
-- with: owner

-- act:
UPDATE keyward.policy SET mode = 'off';

-- counter:
UPDATE keyward.policy SET mode = mode WHERE false;
