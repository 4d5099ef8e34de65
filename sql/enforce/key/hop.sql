-- purpose: Rows of {{ key.table }} belong to an account through {{ key.account.via }}: when a row there moves to an enabled account
--   or goes away, the keys that hang on it are sealed.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "hop_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "hop_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_  {{ accounts.id_type }};
BEGIN
    IF TG_OP = 'UPDATE' THEN
        account_ := NEW.{{ key.account.via_account }};
        PERFORM pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("account_" | safe) }});
        IF {{ m.effective("account_" | safe, accounts) }} THEN
            -- the table's guard turns this NULL into a seal
            UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
             WHERE b.{{ key.account.column }} = NEW.{{ key.account.via_id }} AND b.{{ key.column }} IS NOT NULL;
        END IF;
    END IF;
    account_ := NULL;
    IF (TG_OP = 'DELETE' OR NEW.{{ key.account.via_id }} IS DISTINCT FROM OLD.{{ key.account.via_id }})
       AND {{ m.effective("account_" | safe, accounts) }}
       AND NOT EXISTS (SELECT FROM {{ key.account.via }} AS v WHERE v.{{ key.account.via_id }} = OLD.{{ key.account.via_id }}) THEN
        UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
         WHERE b.{{ key.account.column }} = OLD.{{ key.account.via_id }} AND b.{{ key.column }} IS NOT NULL;
    END IF;
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("hop_" ~ key.name) ~ "()" | safe, grantees, key.account.via_owners) }}
