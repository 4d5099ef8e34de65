-- purpose: Remembers, before any trigger of the application, which key an UPDATE states, so that a key filled in by a trigger is
--   not taken for one that a person wrote.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "stated_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "stated_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
BEGIN
    -- a digest, for this transaction only; it can only narrow what a UI role may do, so anybody may set it
    PERFORM pg_catalog.set_config('keyward.stated',
        pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(NEW.{{ key.column }}::text, 'UTF8')), 'hex'), true);
    RETURN NEW;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("stated_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
