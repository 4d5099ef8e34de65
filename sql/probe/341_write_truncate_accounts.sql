-- id: write_truncate_accounts
-- control: no_legacy_writes
-- vector: TRUNCATE of the accounts, CASCADE
-- who: legacy
-- expects: stopped
-- tell: success
-- where: delete, refers
-- lock: ACCESS EXCLUSIVE
-- with: self

-- act:
TRUNCATE {{ accounts.table }} CASCADE;

-- counter:
DELETE FROM {{ accounts.table }} WHERE false;
