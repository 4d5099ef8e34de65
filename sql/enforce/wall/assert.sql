-- purpose: The assertion behind the guard: whatever a later trigger, a generated column or a default did, no statement but a UI role's
--   own gives a row of an enabled account a key.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "assert_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "assert_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- look-ups by index from the first row on, as in the guard of a key with a vault
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_   {{ accounts.id_type }};
    guarding_  boolean;
    observing_ boolean;
    enabled_   boolean;
    wave_      integer;
BEGIN
    -- said by the guard, of this statement; it can only narrow what a UI role may do, so anybody may set it
    IF TG_OP = 'UPDATE' AND pg_catalog.pg_trigger_depth() = 1
       AND pg_catalog.current_setting({{ ("keyward.meant_" ~ key.name) | lit }}, true) = pg_catalog.statement_timestamp()::text
       AND keyward.acts_as_ui() THEN
        RETURN NULL;
    END IF;
{% if key.is_partitioned %}
    IF TG_OP = 'INSERT' AND {{ m.moved(key) }} THEN
        RETURN NULL;
    END IF;
{% endif %}
    account_ := {{ m.account_of("NEW" | safe, key.account) }};
    {{ m.read_setting(accounts) }}
    IF enabled_ THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("a row of " ~ key.human ~ " would get a key") | lit }},
            DETAIL = {{ ("Something after keyward's guard gave the row a key (a trigger that sorts later, a generated column), or " ~ label ~ " was turned on for the account while the statement ran.") | lit }},
            HINT = 'Try again; if it fails again, keyward plan names the trigger.',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
    END IF;
    {{ m.observed_key(key) }}
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("assert_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
