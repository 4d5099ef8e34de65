-- id: write_hop_via_out
-- control: no_legacy_writes
-- vector: the row that it hangs on moves out of the account
-- who: legacy
-- expects: stopped
-- where: update, via, spare

-- act:
UPDATE {{ row.via }} SET {{ row.via_account }} = {{ other.account }} WHERE {{ row.via_id }} = {{ at.link }};

-- look:
SELECT CASE WHEN EXISTS (SELECT FROM {{ row.via }} AS v WHERE v.{{ row.via_id }} = {{ at.link }} AND v.{{ row.via_account }} = {{ at.account }}) THEN 'silent' ELSE 'bypassed' END AS v;
