-- id: write_rule_delete
-- control: no_legacy_writes
-- vector: a rule of another table: DELETE
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP TABLE keyward_probe (n integer);
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};
CREATE RULE keyward_probe AS ON INSERT TO pg_temp.keyward_probe DO ALSO DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }};

-- act:
INSERT INTO pg_temp.keyward_probe VALUES (1);

-- look:
{{ m.changed(at) }};
