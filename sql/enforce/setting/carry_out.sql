-- purpose: Carries out a requested change of an account's setting: the setting, and the account's keys into or out of the vaults.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.carry_out(bigint);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.carry_out(change bigint) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    asked  keyward.setting_change;
    moved  bigint := 0;
    sealed bigint;
    tries  integer := 0;
BEGIN
    IF NOT keyward.acts_as_ui() THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = pg_catalog.format('%I may not change the setting', {{ m.actor() }}),
            DETAIL = 'The setting is changed by UI roles, whatever function or view the change comes through.',
            HINT = 'Connect as a role listed under roles.ui in the manifest.',
            SCHEMA = 'keyward', TABLE = 'account_setting';
    END IF;
    IF pg_catalog.current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = 'the setting can''t be changed in a transaction with a snapshot of its own',
            DETAIL = 'Under REPEATABLE READ and SERIALIZABLE, keys that others have just written would be missed.',
            HINT = 'Change the setting in a READ COMMITTED transaction.',
            SCHEMA = 'keyward', TABLE = 'account_setting';
    END IF;
    SELECT * INTO asked FROM keyward.setting_change AS c WHERE c.id = $1 AND c.carried_out_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KW004',
            MESSAGE = 'there is no such request, or it was carried out already',
            HINT = 'Call keyward.opt_in or keyward.opt_out.',
            SCHEMA = 'keyward', TABLE = 'setting_change';
    END IF;

    -- Who is writing a key in this account holds the shared lock, and whoever comes next has a row and waits for it. So neither is waited for
    -- in a queue: the next writers would wait behind us, and we for a row of theirs. What was taken in vain is given back at once.
    LOOP
        BEGIN
            IF pg_catalog.pg_try_advisory_xact_lock({{ m.setting_lock("asked.account" | safe) }}) THEN
{% for key in keys %}
                PERFORM FROM {{ key.table }} AS b{% if key.account.via %} JOIN {{ key.account.via }} AS h ON h.{{ key.account.via_id }} = b.{{ key.account.column }}{% endif %}

                  WHERE {% if key.account.via %}h.{{ key.account.via_account }}{% else %}b.{{ key.account.column }}{% endif %} = asked.account
                    {{ key.row_lock }} OF b NOWAIT;
{% endfor %}
                EXIT;
            END IF;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        tries := tries + 1;
        IF tries > 100 THEN
            RAISE EXCEPTION USING ERRCODE = 'KW003',
                MESSAGE = 'the setting can''t be changed now: another transaction has been writing the account''s rows for more than five seconds',
                HINT = 'Try again; pg_locks shows who holds a row there, or an advisory lock with classid 1801812343.',
                SCHEMA = 'keyward', TABLE = 'account_setting';
        END IF;
        PERFORM pg_catalog.pg_sleep(0.05);
    END LOOP;

    INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_by, requested_by, reason)
    VALUES (asked.account, asked.enabled, CASE WHEN asked.enabled THEN 'opt_in' ELSE 'opt_out' END,
            asked.actor, asked.requested_by, asked.reason)
    ON CONFLICT ON CONSTRAINT account_setting_pkey DO UPDATE SET
        enabled = excluded.enabled, source = excluded.source, changed_at = now(), changed_by = excluded.changed_by,
        requested_by = excluded.requested_by, reason = excluded.reason, wave = NULL;
{% for key in keys %}
    IF asked.enabled THEN
        sealed := keyward.{{ "seal_" ~ key.name }}(ARRAY[asked.account]);
        moved := moved + sealed;
        -- the table's statistics may hold some of these keys
        IF sealed > 0 AND NOT keyward.{{ "analyze_" ~ key.name }}() THEN
            RAISE WARNING USING
                MESSAGE = {{ ("the statistics of " ~ key.human ~ " may still show keys that are sealed now") | lit }},
                DETAIL = 'Another VACUUM or ANALYZE holds the table, so they could not be taken anew.',
                HINT = {{ ("Run ANALYZE " ~ key.human ~ " when it has ended.") | lit }};
        END IF;
    ELSE
        moved := moved + keyward.{{ "publish_" ~ key.name }}(ARRAY[asked.account]);
    END IF;
{% endfor %}
    UPDATE keyward.setting_change AS c SET carried_out_at = pg_catalog.clock_timestamp(), keys = moved WHERE c.id = asked.id;
    RETURN moved;
END
$keyward$;
{{ m.execute("keyward.carry_out(bigint)" | safe, grantees, ui) }}
