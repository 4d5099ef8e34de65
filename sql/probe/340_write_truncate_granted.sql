-- id: write_truncate_granted
-- control: no_legacy_writes
-- vector: TRUNCATE, with the privilege granted again
-- who: legacy
-- expects: stopped
-- tell: success
-- where: delete, unreferenced
-- lock: ACCESS EXCLUSIVE
-- with: self

-- set-up:
GRANT TRUNCATE ON {{ row.table }} TO {{ role }};

-- act:
TRUNCATE {{ row.table }};

-- counter:
DELETE FROM {{ row.table }} WHERE false;
