-- id: write_trigger_privilege
-- control: no_legacy_writes
-- vector: puts a trigger of its own on the table
-- who: legacy
-- expects: stopped
-- tell: success
-- lock: SHARE ROW EXCLUSIVE
-- with: hand

-- act:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql AS $keyward$ BEGIN RETURN NEW; END $keyward$;
CREATE TRIGGER keyward_probe BEFORE UPDATE ON {{ row.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- counter:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql AS $keyward$ BEGIN RETURN NEW; END $keyward$;
CREATE TRIGGER keyward_probe BEFORE UPDATE ON {{ row.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();
