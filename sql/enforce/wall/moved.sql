-- purpose: Tells the guard and the assertion which new row is an old one that an UPDATE moves to another partition, where it arrives by an INSERT: it
--   keeps its key.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "moved_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

-- STABLE, so that its query sees the table as the statement found it, the row in its former partition included
CREATE OR REPLACE FUNCTION keyward.{{ "moved_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    said_  text;
    -- what the guard let pass in the former partition: it can only narrow what a UI role may do, so anybody may set it
    meant_ boolean := COALESCE(pg_catalog.current_setting({{ ("keyward.meant_" ~ key.name) | lit }}, true) = pg_catalog.statement_timestamp()::text, false)
                      AND pg_catalog.pg_trigger_depth() = 1 AND keyward.acts_as_ui();
BEGIN
    -- a row of that id and key was there and is gone: no key comes about by that. Once the new one is there, the assertion asks for the old one only.
    IF EXISTS (SELECT FROM {{ key.table }} AS b
                WHERE b.{{ key.id }} = NEW.{{ key.id }} AND (meant_ OR b.{{ key.column }} = NEW.{{ key.column }})
                  AND (TG_WHEN = 'AFTER' OR NOT keyward.{{ "has_" ~ key.name }}(b.{{ key.id }}, b.{{ key.column }}))) THEN
        said_ := pg_catalog.set_config({{ ("keyward.moved_" ~ key.name) | lit }}, {{ m.moved_token(key) }}, true);
    END IF;
    IF TG_WHEN = 'AFTER' THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("moved_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
