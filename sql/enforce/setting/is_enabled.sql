-- purpose: The effective setting of an account. NULL, an account that can't be determined, counts as enabled.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.is_enabled({{ accounts.id_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.is_enabled(account {{ accounts.id_type }}) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
    SELECT {{ m.effective("$1" | safe, accounts) }}
$keyward$;
{{ m.execute("keyward.is_enabled(" | safe ~ accounts.id_type ~ ")" | safe, grantees, ui + api + deniers) }}
