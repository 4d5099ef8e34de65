-- id: write_null
-- control: no_legacy_writes
-- vector: UPDATE that leaves the account undetermined
-- who: legacy
-- expects: stopped
-- where: update, null_ref
-- with: hand
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ row.table }} SET {{ row.link }} = NULL WHERE {{ row.id }} = {{ at.id }};

-- counter:
UPDATE {{ row.table }} SET {{ row.link }} = NULL WHERE {{ row.id }} = {{ at.id }};

-- look:
{{ m.changed(at) }};
