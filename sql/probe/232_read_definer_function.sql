-- id: read_definer_function
-- control: no_key_in_responses
-- vector: a SECURITY DEFINER function
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS SETOF {{ key.table }} LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }} $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();
