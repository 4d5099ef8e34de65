-- purpose: The guard of a key that stays in its column: what an INSERT brings into an enabled account is withheld; of what an UPDATE brings,
--   only what a UI role states passes, and else the row keeps the key that it has. While the policy observes, all of it passes and is counted.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "withhold_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "withhold_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- look-ups by index from the first row on, as in the guard of a key with a vault
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_   {{ accounts.id_type }} := {{ m.account_of("NEW" | safe, key.account) }};
    former_    {{ accounts.id_type }};
    enabled_   boolean;
    -- whether the policy's mode is enforce; NULL, a policy without its row, counts as enforcing
    guarding_  boolean;
    observing_ boolean;
    wave_      integer;
    said_      text;
    stated_    boolean := false;
    locked_    boolean;
    -- under READ COMMITTED the setting that is read after the lock is the latest
    fresh_     boolean := pg_catalog.current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
BEGIN
    IF TG_OP = 'UPDATE' THEN
        said_ := pg_catalog.current_setting({{ ("keyward.stated_" ~ key.name) | lit }}, true);
        IF said_ <> '' THEN
            -- said by the trigger that runs first, of this very row; used up here
            stated_ := COALESCE(said_ = ':' || OLD.{{ key.id }}::text, false);
            said_ := pg_catalog.set_config({{ ("keyward.stated_" ~ key.name) | lit }}, '', true);
        END IF;
    END IF;

    -- first the lock, then the setting: a query of its own sees what was committed until then
    locked_ := pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("account_" | safe) }}) IS NOT NULL;
    {{ m.read_setting(accounts) }}
    IF NOT guarding_ THEN
        IF observing_ AND TG_OP = 'INSERT' THEN
            PERFORM keyward.observe(account_, {{ key.name | lit }}, 'insert');
        ELSIF observing_ AND NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }}
              AND NOT (pg_catalog.pg_trigger_depth() = 1 AND stated_ AND keyward.acts_as_ui()) THEN
            PERFORM keyward.observe(account_, {{ key.name | lit }}, 'update');
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NOT enabled_ AND NEW.{{ key.account.column }} IS DISTINCT FROM OLD.{{ key.account.column }} THEN
        former_ := {{ m.account_of("OLD" | safe, key.account) }};
        IF former_ IS DISTINCT FROM account_ THEN
            locked_ := pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("former_" | safe) }}) IS NOT NULL;
            enabled_ := {{ m.effective("former_" | safe) }};
        END IF;
    END IF;

    IF TG_OP = 'UPDATE' AND NEW.{{ key.column }} IS NULL THEN
        -- clearing a key ends it, as it did before; but the NULL of an upsert whose INSERT was stripped is nobody's wish
        IF pg_catalog.current_setting({{ ("keyward.withheld_" ~ key.name) | lit }}, true) = pg_catalog.statement_timestamp()::text THEN
            NEW.{{ key.column }} := OLD.{{ key.column }};
        END IF;
        RETURN NEW;
    END IF;
    IF NOT enabled_ THEN
        IF NOT fresh_ THEN
            PERFORM keyward.settled(account_);
        END IF;
        RETURN NEW;
    END IF;

    IF TG_OP = 'UPDATE' AND pg_catalog.pg_trigger_depth() = 1 AND stated_ AND keyward.acts_as_ui() THEN
        -- tells the assertion that this statement brings keys that are meant; it believes it of a UI role only
        said_ := pg_catalog.set_config({{ ("keyward.meant_" ~ key.name) | lit }}, pg_catalog.statement_timestamp()::text, true);
        -- keyward itself, where it publishes what a vault held, writes no new key
        IF {{ m.actor() }} <> {{ owner_name | lit }} THEN
            INSERT INTO keyward.event (kind, key_name, row_id, account, actor)
            VALUES ('write', {{ key.name | lit }}, NEW.{{ key.id }}::text, account_::text, {{ m.actor() }});
        END IF;
        RETURN NEW;
    END IF;
{% if key.is_partitioned %}
    -- the UPDATE that moves a row to another partition has passed here already
    IF TG_OP = 'INSERT' AND {{ m.moved(key) }} THEN
        RETURN NEW;
    END IF;
{% endif %}
{% if key.strip %}
    IF TG_OP = 'INSERT' THEN
        -- tells the UPDATE arm of an upsert that this NULL was not the application's wish
        said_ := pg_catalog.set_config({{ ("keyward.withheld_" ~ key.name) | lit }}, pg_catalog.statement_timestamp()::text, true);
        NEW.{{ key.column }} := NULL;
        RETURN NEW;
    END IF;
{% else %}
    IF TG_OP = 'INSERT' OR (pg_catalog.pg_trigger_depth() = 1 AND stated_) THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("a key of " ~ key.human ~ " can't be written here") | lit }},
            DETAIL = {{ (label ~ " is on for the account: a key comes into being only by a deliberate act in the UI.") | lit }},
            HINT = {{ ("Leave " ~ key.column ~ " out of the statement; a UI role calls keyward.generate_" ~ key.name ~ "(id).") | lit }},
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
    END IF;
{% endif %}
    -- not a deliberate act in the UI: the row keeps the key that it has, if any
    NEW.{{ key.column }} := OLD.{{ key.column }};
    RETURN NEW;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("withhold_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
