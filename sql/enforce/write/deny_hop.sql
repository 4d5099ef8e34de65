-- purpose: Rows of {{ write.table }} belong to an account through {{ write.account.via }}: a legacy role that moves a row there
--   between accounts moves all that hangs on it, out of an enabled account or into one. While the policy observes, it
--   does, and it is counted.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "deny_hop_" ~ write.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "deny_hop_" ~ write.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_  {{ accounts.id_type }};
    verdict_  text;
BEGIN
    -- the trigger's WHEN clause has seen that the actor has a legacy role's privileges; a superuser has every role's
    IF {{ m.is_superuser() }} THEN
        RETURN NULL;
    END IF;
    account_ := NEW.{{ write.account.via_account }};
    verdict_ := {{ m.verdict("account_" | safe, accounts) }};
    IF verdict_ = 'pass' THEN
        account_ := OLD.{{ write.account.via_account }};
        verdict_ := {{ m.verdict("account_" | safe) }};
    END IF;
    IF verdict_ IN ('deny', 'observe')
       AND EXISTS (SELECT FROM {{ write.table }} AS b WHERE b.{{ write.account.column }} IN (OLD.{{ write.account.via_id }}, NEW.{{ write.account.via_id }})) THEN
        IF verdict_ = 'observe' THEN
            PERFORM keyward.observe(NEW.{{ write.account.via_account }}, {{ write.name | lit }}, 'move');
            PERFORM keyward.observe(OLD.{{ write.account.via_account }}, {{ write.name | lit }}, 'move');
            RETURN NULL;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'KW002',
            MESSAGE = pg_catalog.format('%I may not move rows of %s to another account', {{ m.actor() }}, {{ write.human | lit }}),
            DETAIL = {{ (label ~ " is on for the account: the legacy API doesn't write these rows, nor what they hang on.") | lit }},
            HINT = 'Use the current API version, or the UI.',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("deny_hop_" ~ write.name) ~ "()" | safe, grantees, write.account.via_owners) }}
