-- id: key_insert_granted
-- control: no_automatic_key
-- vector: names a key in an INSERT, after GRANT INSERT
-- who: api
-- expects: withheld
-- hide: revoke
{% import "probe/_macros.sql" as m %}

-- set-up:
GRANT INSERT ({{ key.column }}) ON TABLE {{ key.table }} TO {{ role }};

-- act:
{{ m.insert(at) }};

-- look as owner:
{{ m.new_row(at) }};
