-- purpose: The guard: legacy roles don't write rows of {{ write.table }} that belong, or would belong, to an enabled account. While the
--   policy observes, they do, and it is counted.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "deny_" ~ write.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "deny_" ~ write.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- as the guard of keys
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_  {{ accounts.id_type }};
    former_   {{ accounts.id_type }};
    -- whether the row belonged to another account before
    moved_    boolean := TG_OP = 'DELETE';
    mode_     text;
    enabled_  boolean;
    verdict_  text := 'pass';
BEGIN
    -- the guard's WHEN clause has asked this; the assertion of an UPDATE looks at whoever moves a row. Written out: that function is read anew
    -- whenever it is called under another search_path than before
    IF NOT {{ m.acts_as(write.roles) }} THEN
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'TRUNCATE' THEN
        -- NULL, the account that can't be determined, is enabled as soon as any account is
        verdict_ := {{ m.verdict("account_" | safe) }};
    ELSIF TG_OP <> 'DELETE' THEN
        account_ := {{ m.account_of("NEW" | safe, write.account) }};
        SELECT p.mode, {{ m.short_setting("account_" | safe) }}
          INTO mode_, enabled_
          FROM keyward.policy AS p LEFT JOIN keyward.account_setting AS s ON s.account = account_;
        IF enabled_ IS NULL THEN
            verdict_ := {{ m.verdict("account_" | safe, accounts) }};
        ELSE
            verdict_ := CASE WHEN mode_ <> 'enforce' THEN mode_ WHEN enabled_ THEN 'deny' ELSE 'pass' END;
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        moved_ := NEW.{{ write.account.column }} IS DISTINCT FROM OLD.{{ write.account.column }};
    END IF;
    IF moved_ THEN
        former_ := {{ m.account_of("OLD" | safe, write.account) }};
        IF verdict_ <> 'deny' THEN
            verdict_ := {{ m.verdict("former_" | safe) }};
        END IF;
    END IF;
    -- a superuser has every role's privileges
    IF verdict_ IN ('deny', 'observe') AND NOT {{ m.is_superuser() }} THEN
        IF verdict_ = 'deny' THEN
            RAISE EXCEPTION USING ERRCODE = 'KW002',
                MESSAGE = pg_catalog.format('%I may not %s %s', {{ m.actor() }}, pg_catalog.lower(TG_OP), {{ write.human | lit }}),
                DETAIL = {{ (label ~ " is on for the account: the legacy API doesn't write these rows.") | lit }},
                HINT = 'Use the current API version, or the UI.',
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM keyward.observe(account_, {{ write.name | lit }}, pg_catalog.lower(TG_OP));
        END IF;
        IF moved_ THEN
            PERFORM keyward.observe(former_, {{ write.name | lit }}, pg_catalog.lower(TG_OP));
        END IF;
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("deny_" ~ write.name) ~ "()" | safe, grantees, write.owners) }}
