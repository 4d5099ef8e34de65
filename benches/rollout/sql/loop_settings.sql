-- A batch of the plain loop: the settings of the accounts with ids above $1, up to $2.
INSERT INTO keyward.account_setting (account, enabled, source, changed_by)
SELECT a.id, true, 'rollout', 'benchmark' FROM app.accounts AS a WHERE a.id > $1 AND a.id <= $2
