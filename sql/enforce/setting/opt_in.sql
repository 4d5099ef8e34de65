-- purpose: Turns the setting on for an account and seals its keys. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.opt_in({{ accounts.id_type }}, text, text);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.opt_in(account {{ accounts.id_type }}, reason text DEFAULT 'opted in', requested_by text DEFAULT NULL)
    RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    change bigint;
BEGIN
    {{ m.account_visible(accounts) }}
    INSERT INTO keyward.setting_change (account, enabled, reason, requested_by)
    VALUES ($1, true, COALESCE($2, 'opted in'), $3)
    RETURNING setting_change.id INTO change;
    RETURN keyward.carry_out(change);
END
$keyward$;
{{ m.execute("keyward.opt_in(" | safe ~ accounts.id_type ~ ", text, text)" | safe, grantees, ui) }}
