-- id: vault_reveal_definer
-- control: no_key_in_responses
-- vector: reveals through a definer function of the UI's
-- who: api
-- expects: stopped, hidden
-- hide: vault
-- tell: shows
-- with: ui

-- set-up as ui:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT keyward.{{ "reveal_" ~ key.name }}({{ at.id }})::text $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- counter:
SELECT pg_temp.keyward_probe();
