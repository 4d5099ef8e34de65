-- purpose: Fails with 40001 when an account's setting has changed since the transaction took its snapshot: under REPEATABLE READ
--   and SERIALIZABLE a guard sees the setting of yesterday, and a key would stay published in an account that is enabled by now.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.settled({{ accounts.id_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.settled(account {{ accounts.id_type }}) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
        RETURN;
    END IF;
    -- a row that has changed since the snapshot can't be locked: 40001
    PERFORM FROM keyward.policy AS p FOR SHARE;
    IF $1 IS NOT NULL THEN
        BEGIN
            -- nor does an insertion pass by a row that the snapshot doesn't see: 40001 again; where there is none, it is undone
            INSERT INTO keyward.account_setting (account, enabled, source) VALUES ($1, false, 'default')
            ON CONFLICT ON CONSTRAINT account_setting_pkey DO NOTHING;
            RAISE EXCEPTION USING ERRCODE = 'KW000';
        EXCEPTION WHEN SQLSTATE 'KW000' THEN
            NULL;
        END;
    END IF;
END
$keyward$;
{{ m.execute("keyward.settled(" | safe ~ accounts.id_type ~ ")" | safe, grantees, []) }}
