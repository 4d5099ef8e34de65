-- id: write_definer_delete
-- control: no_legacy_writes
-- vector: a SECURITY DEFINER function: DELETE
-- who: legacy
-- expects: stopped
-- where: delete
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN DELETE FROM {{ row.table }} WHERE {{ row.id }} = {{ at.id }}; END $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- look:
{{ m.changed(at) }};
