-- purpose: Keeps the settings in step with the accounts: a new account is enabled once the rollout has begun, a renamed id
--   takes its setting along. An id that was enabled stays so when its account is deleted or renamed: deleting an account and
--   making it again must not turn the setting off.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.follow_accounts();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.follow_accounts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO keyward.account_setting (account, enabled, source)
        SELECT NEW.{{ accounts.id }}, true, 'default' FROM keyward.policy AS p WHERE p.new_accounts_enabled
        ON CONFLICT ON CONSTRAINT account_setting_pkey DO NOTHING;
    ELSIF TG_OP = 'UPDATE' AND TG_WHEN = 'BEFORE' THEN
        -- before the cascade reaches the account's rows, whose guards look up the new id
        INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_at, changed_by, requested_by, reason, wave)
        SELECT NEW.{{ accounts.id }}, o.enabled, o.source, o.changed_at, o.changed_by, o.requested_by, o.reason, o.wave
          FROM keyward.account_setting AS o WHERE o.account = OLD.{{ accounts.id }}
        -- ids that are swapped in one statement, or an id that was enabled before: on wins
        ON CONFLICT ON CONSTRAINT account_setting_pkey DO UPDATE SET
            enabled = excluded.enabled OR s.enabled, source = excluded.source, changed_at = excluded.changed_at,
            changed_by = excluded.changed_by, requested_by = excluded.requested_by, reason = excluded.reason,
            wave = excluded.wave;
        RETURN NEW;
    ELSE
        -- after the cascade: the guards of the account's rows have looked up the old id by now
        DELETE FROM keyward.account_setting AS s
         WHERE s.account = OLD.{{ accounts.id }} AND NOT s.enabled
           AND NOT EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = OLD.{{ accounts.id }});
    END IF;
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward.follow_accounts()" | safe, grantees, accounts.owners) }}
