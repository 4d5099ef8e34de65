-- id: setting_definer
-- control: no_key_in_responses, no_legacy_writes
-- vector: opts out through a definer function of the UI's
-- who: api, legacy
-- expects: stopped
-- where: ui, fresh_accounts
-- with: ui
{% import "probe/_macros.sql" as m %}

-- set-up as ui:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT keyward.opt_out({{ at.account }}, 'keyward verify', true) $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe() TO {{ role }};

-- act:
SELECT pg_temp.keyward_probe();

-- counter:
SELECT pg_temp.keyward_probe();

-- look as owner:
{{ m.still_on(at) }};
