-- id: key_later_trigger
-- control: no_automatic_key
-- vector: a BEFORE trigger that sorts after the guard
-- who: api, ui
-- expects: stopped, stripped
-- lock: SHARE ROW EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN NEW.{{ key.column }} := {{ at.new_key }}; RETURN NEW; END $keyward$;
CREATE TRIGGER "~~keyward_probe" BEFORE INSERT ON {{ key.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
{{ m.insert_bare(at) }};

-- look as owner:
{{ m.new_row(at) }};
