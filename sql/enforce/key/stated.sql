-- purpose: Remembers, before any trigger of the application, that an UPDATE itself states a key for the row, so that a key filled
--   in by a trigger is not taken for one that a person wrote.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "stated_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "stated_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    said_  text;
BEGIN
    -- which row, until the guard looks; it can only narrow what a UI role may do, so anybody may set it (an assignment, since
    -- a PERFORM runs a query for each row)
    said_ := pg_catalog.set_config({{ ("keyward.stated_" ~ key.name) | lit }}, ':' || OLD.{{ key.id }}::text, true);
    RETURN NEW;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("stated_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
