-- id: key_definer_function
-- control: no_automatic_key
-- vector: a SECURITY DEFINER function of the table's owner inserts
-- who: api, ui
-- expects: withheld
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN {{ m.insert(at) }}; END $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- look as owner:
{{ m.new_row(at) }};
