-- purpose: Turns the setting off for an account, against advice, and publishes its keys. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.opt_out({{ accounts.id_type }}, text, boolean, text);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.opt_out(
    account {{ accounts.id_type }}, reason text, acknowledge_risk boolean DEFAULT false, requested_by text DEFAULT NULL
) RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    change bigint;
BEGIN
    IF $3 IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = {{ ("opting out of " ~ label ~ " was not acknowledged") | lit }},
            DETAIL = {{ ("Without " ~ label ~ ", every key of the account is readable through the API again, new rows keep keys that nobody asked for, and legacy roles write again: one leaked API credential opens the whole account.") | lit }},
            HINT = 'If the account insists, call keyward.opt_out(account, reason, acknowledge_risk => true).',
            SCHEMA = 'keyward', TABLE = 'account_setting';
    END IF;
    IF COALESCE(pg_catalog.btrim($2), '') = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = 'opting out needs a reason',
            HINT = 'Say who wants it and why: the reason is kept with the setting.',
            SCHEMA = 'keyward', TABLE = 'account_setting', COLUMN = 'reason';
    END IF;
    {{ m.account_visible(accounts) }}
    INSERT INTO keyward.setting_change (account, enabled, reason, requested_by) VALUES ($1, false, $2, $4)
    RETURNING setting_change.id INTO change;
    RETURN keyward.carry_out(change);
END
$keyward$;
{{ m.execute("keyward.opt_out(" | safe ~ accounts.id_type ~ ", text, boolean, text)" | safe, grantees, ui) }}
