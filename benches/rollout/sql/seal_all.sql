-- The same work as a rollout of everybody, in two big statements of one transaction: every setting, then every key through the guard.
BEGIN;
SET LOCAL ROLE keyward_owner;
INSERT INTO keyward.account_setting (account, enabled, source, changed_by)
SELECT a.id, true, 'rollout', 'benchmark' FROM app.accounts AS a;
UPDATE app.locations SET api_key = NULL WHERE api_key IS NOT NULL;
COMMIT;
