-- purpose: The guard: a key never stays in a row of an enabled account. What an INSERT brings is withheld; what an UPDATE brings is
--   sealed for a UI role and withheld for any other; a key that was published is sealed, never lost. While the policy observes, all
--   of it passes and is counted.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "withhold_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "withhold_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- look-ups by index from the first row on: a session keeps its plans, and one made while keyward's tables were a page long
    -- would read all of them, for each row, when they have grown
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
-- It runs once a row. PL/pgSQL evaluates an expression without a table by itself, and runs a query for a PERFORM: so locks
-- and session settings are taken by assignment, and a look-up that only one branch needs stands in that branch.
DECLARE
    account_   {{ accounts.id_type }};
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
    IF TG_OP = 'INSERT' THEN
        account_ := {{ m.account_of("NEW" | safe, key.account) }};
        -- first the lock, then the setting: a query of its own sees what was committed until then
        locked_ := pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("account_" | safe) }}) IS NOT NULL;
        {{ m.read_setting(accounts) }}
        IF NOT enabled_ THEN
            IF observing_ THEN
                PERFORM keyward.observe(account_, {{ key.name | lit }}, 'insert');
            ELSIF NOT fresh_ AND guarding_ THEN
                PERFORM keyward.settled(account_);
            END IF;
            RETURN NEW;
        END IF;
{% if key.strip %}
        -- tells the UPDATE arm of an upsert that this NULL was not the application's wish
        PERFORM pg_catalog.set_config({{ ("keyward.withheld_" ~ key.name) | lit }}, pg_catalog.statement_timestamp()::text, true);
        NEW.{{ key.column }} := NULL;
        RETURN NEW;
{% else %}
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("a new row of " ~ key.human ~ " can't bring a key") | lit }},
            DETAIL = {{ (label ~ " is on for the account: a key comes into being only by a deliberate act in the UI.") | lit }},
            HINT = {{ ("Insert the row without " ~ key.column ~ "; a UI role calls keyward.generate_" ~ key.name ~ "(id).") | lit }},
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
{% endif %}
    END IF;

    said_ := pg_catalog.current_setting({{ ("keyward.stated_" ~ key.name) | lit }}, true);
    IF said_ <> '' THEN
        -- said by the trigger that runs first, of this very row; used up here
        stated_ := COALESCE(said_ = ':' || OLD.{{ key.id }}::text, false);
        said_ := pg_catalog.set_config({{ ("keyward.stated_" ~ key.name) | lit }}, '', true);
    END IF;

    -- the sealed key follows its row
    IF NEW.{{ key.id }} IS DISTINCT FROM OLD.{{ key.id }} THEN
        -- with a deferrable primary key, ids can be swapped in one statement: one key would take the other's place
        IF EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = NEW.{{ key.id }})
           AND EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} IN (OLD.{{ key.id }}, NEW.{{ key.id }})) THEN
            RAISE unique_violation USING
                MESSAGE = {{ ("another row of " ~ key.human ~ " has this id, and one of the two has a sealed key") | lit }},
                HINT = 'Swap ids by way of a third one, each in a statement of its own.',
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.id | lit }};
        END IF;
        UPDATE keyward.{{ "vault_" ~ key.name }} AS v SET {{ key.id }} = NEW.{{ key.id }} WHERE v.{{ key.id }} = OLD.{{ key.id }};
    END IF;

    -- keyward.{{ "revoke_" ~ key.name }} says in advance which row it means
    IF pg_catalog.current_setting({{ ("keyward.revoke_" ~ key.name) | lit }}, true) = ':' || NEW.{{ key.id }}::text
       AND pg_catalog.pg_trigger_depth() = 1 AND keyward.acts_as_ui() THEN
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = NEW.{{ key.id }};
        NEW.{{ key.column }} := NULL;
        RETURN NEW;
    END IF;

    IF OLD.{{ key.column }} IS NULL AND NEW.{{ key.column }} IS NULL THEN
        RETURN NEW;
    END IF;

    account_ := {{ m.account_of("NEW" | safe, key.account) }};
    locked_ := pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("account_" | safe) }}) IS NOT NULL;
    {{ m.read_setting(accounts) }}

    IF NOT guarding_ THEN
        -- let pass; a row has one key, and the one just written is it
        IF NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }} THEN
            DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = NEW.{{ key.id }};
            -- what a UI role states is a deliberate act, sealed on its way in
            IF observing_ AND NOT (pg_catalog.pg_trigger_depth() = 1 AND stated_ AND keyward.acts_as_ui()) THEN
                PERFORM keyward.observe(account_, {{ key.name | lit }}, 'update');
            END IF;
        ELSIF observing_ AND NEW.{{ key.column }} IS NULL AND NOT (pg_catalog.pg_trigger_depth() = 1 AND keyward.acts_as_ui()) THEN
            -- it would be sealed, and go on authenticating
            PERFORM keyward.observe(account_, {{ key.name | lit }}, 'clear');
        END IF;
        RETURN NEW;
    END IF;

    IF NOT enabled_ AND NEW.{{ key.account.column }} IS DISTINCT FROM OLD.{{ key.account.column }} THEN
        former_ := {{ m.account_of("OLD" | safe, key.account) }};
        IF former_ IS DISTINCT FROM account_ THEN
            locked_ := pg_catalog.pg_advisory_xact_lock_shared({{ m.setting_lock("former_" | safe) }}) IS NOT NULL;
            enabled_ := {{ m.effective("former_" | safe) }};
        END IF;
    END IF;
    IF NOT enabled_ THEN
        -- a sealed key stays sealed when its row has moved to an account that is off
        enabled_ := EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = NEW.{{ key.id }});
    END IF;
    IF NOT enabled_ THEN
        IF NEW.{{ key.column }} IS NULL
           AND pg_catalog.current_setting({{ ("keyward.withheld_" ~ key.name) | lit }}, true) = pg_catalog.statement_timestamp()::text THEN
            RAISE EXCEPTION USING ERRCODE = 'KW001',
                MESSAGE = {{ ("an upsert would wipe a key of " ~ key.human) | lit }},
                DETAIL = {{ ("The key that the INSERT brought was withheld, since " ~ label ~ " is on for the account it names; the row it conflicts with belongs to an account where it is off, and has a key.") | lit }},
                HINT = {{ ("Leave " ~ key.column ~ " out of the UPDATE arm, or name the account that the row belongs to.") | lit }},
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
        END IF;
        IF NOT fresh_ AND NEW.{{ key.column }} IS NOT NULL THEN
            PERFORM keyward.settled(account_);
        END IF;
        RETURN NEW;
    END IF;

    IF NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }} THEN
        IF pg_catalog.pg_trigger_depth() = 1 AND stated_ AND keyward.acts_as_ui() THEN
{% if key.is_unique %}
            -- the application's unique index doesn't see the vault; only a UI role learns of it
            IF EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v
                        WHERE v.{{ key.column }} {{ key.equals }} NEW.{{ key.column }} AND v.{{ key.id }} IS DISTINCT FROM NEW.{{ key.id }}) THEN
                RAISE unique_violation USING
                    MESSAGE = {{ ("the key of another row of " ~ key.human ~ " has this value") | lit }},
                    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
            END IF;
{% endif %}
            INSERT INTO keyward.{{ "vault_" ~ key.name }} ({{ key.id }}, {{ key.column }}) VALUES (NEW.{{ key.id }}, NEW.{{ key.column }})
            ON CONFLICT ON CONSTRAINT {{ "vault_" ~ key.name ~ "_pkey" }} DO UPDATE SET {{ key.column }} = excluded.{{ key.column }}, sealed_at = now(), sealed_by_wave = NULL;
            INSERT INTO keyward.event (kind, key_name, row_id, account, actor)
            VALUES ('write', {{ key.name | lit }}, NEW.{{ key.id }}::text, account_::text, {{ m.actor() }});
            NEW.{{ key.column }} := NULL;
            RETURN NEW;
        END IF;
{% if not key.strip %}
        IF pg_catalog.pg_trigger_depth() = 1 AND stated_ THEN
            RAISE EXCEPTION USING ERRCODE = 'KW001',
                MESSAGE = {{ ("a key of " ~ key.human ~ " can't be written here") | lit }},
                DETAIL = {{ (label ~ " is on for the account: a key comes into being only by a deliberate act in the UI.") | lit }},
                HINT = {{ ("Leave " ~ key.column ~ " out of the UPDATE; a UI role calls keyward.generate_" ~ key.name ~ "(id).") | lit }},
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
        END IF;
{% endif %}
        -- not a deliberate act in the UI: withheld
        NEW.{{ key.column }} := NULL;
    END IF;

    -- what was published, or moves in unchanged, is sealed; writing NULL back doesn't end a key
    IF COALESCE(OLD.{{ key.column }}, NEW.{{ key.column }}) IS NOT NULL THEN
        INSERT INTO keyward.{{ "vault_" ~ key.name }} ({{ key.id }}, {{ key.column }}, sealed_by_wave)
        VALUES (NEW.{{ key.id }}, COALESCE(OLD.{{ key.column }}, NEW.{{ key.column }}), wave_)
        ON CONFLICT ON CONSTRAINT {{ "vault_" ~ key.name ~ "_pkey" }} DO UPDATE SET {{ key.column }} = excluded.{{ key.column }}, sealed_at = now(),
            sealed_by_wave = excluded.sealed_by_wave;
    END IF;
    NEW.{{ key.column }} := NULL;
    RETURN NEW;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("withhold_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
