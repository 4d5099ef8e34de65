-- id: key_deferred_trigger
-- control: no_automatic_key
-- vector: a deferred constraint trigger updates the row
-- who: api, ui
-- expects: stripped, stopped
-- lock: SHARE ROW EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN UPDATE {{ key.table }} SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ at.new_id }} AND {{ key.column }} IS NULL; RETURN NULL; END $keyward$;
CREATE CONSTRAINT TRIGGER keyward_probe AFTER INSERT ON {{ key.table }} INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
{{ m.insert_null(at) }};
SET CONSTRAINTS ALL IMMEDIATE;

-- look as owner:
{{ m.new_row(at) }};
