-- id: vault_definer
-- control: no_key_in_responses
-- vector: reads the vault through a definer function of the UI's
-- who: api
-- expects: stopped, hidden
-- hide: vault
-- tell: shows
-- with: ui

-- set-up as ui:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT v.{{ key.column }}::text FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = {{ at.id }} $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- counter:
SELECT pg_temp.keyward_probe();
