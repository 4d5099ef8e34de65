-- id: read_trigger_privilege
-- control: no_key_in_responses
-- vector: puts a trigger of its own on the table
-- who: api
-- expects: stopped
-- tell: success
-- lock: SHARE ROW EXCLUSIVE
-- with: hand

-- act:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql AS $keyward$ BEGIN RETURN NEW; END $keyward$;
CREATE TRIGGER keyward_probe BEFORE UPDATE ON {{ key.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- counter:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql AS $keyward$ BEGIN RETURN NEW; END $keyward$;
CREATE TRIGGER keyward_probe BEFORE UPDATE ON {{ key.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();
