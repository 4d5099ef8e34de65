-- id: key_later_update_trigger
-- control: no_automatic_key
-- vector: a BEFORE UPDATE trigger that sorts after the guard
-- who: api, ui
-- expects: stopped, stripped
-- lock: SHARE ROW EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN NEW.{{ key.column }} := {{ at.new_key }}; RETURN NEW; END $keyward$;
CREATE TRIGGER "~~keyward_probe" BEFORE UPDATE ON {{ key.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
{{ m.touch(at) }};

-- look as owner:
{{ m.not_given(at) }};
