-- id: write_cascade_update
-- control: no_legacy_writes
-- vector: UPDATE of the account's id, and what its foreign key cascades to
-- who: legacy
-- expects: stopped
-- where: update, fresh_accounts, cascades_update
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ accounts.table }} SET {{ accounts.id }} = {{ at.spare_account }} WHERE {{ accounts.id }} = {{ at.account }};

-- look:
{{ m.changed(at) }};
