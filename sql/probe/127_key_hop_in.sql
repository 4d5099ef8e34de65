-- id: key_hop_in
-- control: no_automatic_key
-- vector: a row with a key moves into the account
-- who: api, ui
-- expects: stripped, stopped
-- hide: vault
-- where: moves, spare
{% import "probe/_macros.sql" as m %}

-- act:
{{ m.move(other, at) }};

-- look as owner:
{{ m.arrived(other, at) }};
