-- id: key_rule_also
-- control: no_automatic_key
-- vector: a rule ON INSERT DO ALSO UPDATE
-- who: api
-- expects: stripped, stopped
-- lock: ACCESS EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE RULE keyward_probe AS ON INSERT TO {{ key.table }} DO ALSO UPDATE {{ key.table }} SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = NEW.{{ key.id }} AND {{ key.column }} IS NULL;

-- act:
{{ m.insert_null(at) }};

-- look as owner:
{{ m.new_row(at) }};
