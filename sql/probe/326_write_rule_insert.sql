-- id: write_rule_insert
-- control: no_legacy_writes
-- vector: a rule of another table: INSERT
-- who: legacy
-- expects: stopped
-- where: insert
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP TABLE keyward_probe (n integer);
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};
CREATE RULE keyward_probe AS ON INSERT TO pg_temp.keyward_probe DO ALSO {{ m.insert(at) }};

-- act:
INSERT INTO pg_temp.keyward_probe VALUES (1);

-- look:
{{ m.inserted(at) }};
