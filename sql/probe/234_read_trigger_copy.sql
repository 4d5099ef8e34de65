-- id: read_trigger_copy
-- control: no_key_in_responses
-- vector: a trigger copies OLD and NEW
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows
-- lock: SHARE ROW EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP TABLE keyward_copy (row_then text, row_now text);
GRANT ALL ON pg_temp.keyward_copy TO {{ role }};
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN INSERT INTO pg_temp.keyward_copy VALUES (OLD::text, NEW::text); RETURN NULL; END $keyward$;
CREATE TRIGGER keyward_probe AFTER UPDATE ON {{ key.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
{{ m.touch(at) }};
SELECT * FROM pg_temp.keyward_copy;
