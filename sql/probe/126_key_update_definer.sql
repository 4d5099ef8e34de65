-- id: key_update_definer
-- control: no_automatic_key
-- vector: a SECURITY DEFINER function sets a key
-- who: api, ui (vault)
-- expects: stripped, stopped
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN UPDATE {{ key.table }} SET {{ key.column }} = {{ at.new_key }} WHERE {{ key.id }} = {{ at.id }}; END $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- look as owner:
{{ m.not_given(at) }};
