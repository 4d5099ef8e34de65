-- Every other account is enabled, and the guard seals its keys.
SET ROLE keyward_owner;
INSERT INTO keyward.account_setting (account, enabled, source, changed_by)
SELECT a.id, true, 'rollout', 'benchmark' FROM app.accounts AS a WHERE a.id % 2 = 0;
UPDATE app.locations SET api_key = NULL WHERE account_id % 2 = 0;
