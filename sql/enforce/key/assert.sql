-- purpose: The assertion behind the guard: whatever a later trigger, a generated column or a default did, no row of an enabled
--   account ends a statement with a key. While the policy observes, it passes and is counted, as the guard counts it.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "assert_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "assert_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- look-ups by index from the first row on: a session keeps its plans, and one made while keyward's tables were a page long
    -- would read all of them, for each row, when they have grown
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_   {{ accounts.id_type }} := {{ m.account_of("NEW" | safe, key.account) }};
    guarding_  boolean;
    observing_ boolean;
    enabled_   boolean;
    wave_      integer;
BEGIN
    {{ m.read_setting(accounts) }}
    IF enabled_ THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("a row of " ~ key.human ~ " would keep a key") | lit }},
            DETAIL = {{ ("Something after keyward's guard gave the row a key (a trigger that sorts later, a generated column), or " ~ label ~ " was turned on for the account while the statement ran.") | lit }},
            HINT = 'Try again; if it fails again, keyward plan names the trigger.',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = {{ key.column | lit }};
    END IF;
    {{ m.observed_key(key) }}
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("assert_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
