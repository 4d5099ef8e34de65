-- id: write_trigger_delete
-- control: no_legacy_writes
-- vector: a definer trigger of another table: DELETE
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE TEMP TABLE keyward_probe (n integer);
GRANT ALL ON pg_temp.keyward_probe TO {{ role }};
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }}; RETURN NEW; END $keyward$;
CREATE TRIGGER keyward_probe AFTER INSERT ON pg_temp.keyward_probe FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
INSERT INTO pg_temp.keyward_probe VALUES (1);

-- look:
{{ m.changed(at) }};
