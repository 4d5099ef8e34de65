-- id: key_hop_via
-- control: no_automatic_key
-- vector: the row that a keyed row hangs on moves into the account
-- who: api, ui
-- expects: stripped, stopped
-- where: via, spare
{% import "probe/_macros.sql" as m %}

-- act:
UPDATE {{ row.via }} SET {{ row.via_account }} = {{ at.account }} WHERE {{ row.via_id }} = {{ other.link }};

-- look as owner:
{{ m.kept(other) }};
