-- id: write_cascade_delete
-- control: no_legacy_writes
-- vector: DELETE of the account, and what its foreign key cascades to
-- who: legacy
-- expects: stopped
-- where: delete, fresh_accounts, cascades_delete
{% import "probe/_macros.sql" as m %}

-- act:
DELETE FROM {{ accounts.table }} WHERE {{ accounts.id }} = {{ at.account }};

-- look:
{{ m.changed(at) }};
