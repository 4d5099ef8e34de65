-- id: key_update_granted
-- control: no_automatic_key
-- vector: a later UPDATE sets a key, after GRANT UPDATE
-- who: api
-- expects: withheld
-- hide: revoke
{% import "probe/_macros.sql" as m %}

-- set-up:
GRANT UPDATE ({{ key.column }}) ON TABLE {{ key.table }} TO {{ role }};

-- act:
UPDATE {{ key.table }} SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ at.id }};

-- look as owner:
{{ m.kept(at) }};
