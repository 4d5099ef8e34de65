-- id: write_truncate
-- control: no_legacy_writes
-- vector: TRUNCATE
-- who: legacy
-- expects: stopped
-- tell: success
-- where: delete
-- lock: ACCESS EXCLUSIVE
-- with: self

-- act:
TRUNCATE {{ row.table }} CASCADE;

-- counter:
DELETE FROM {{ row.table }} WHERE false;
