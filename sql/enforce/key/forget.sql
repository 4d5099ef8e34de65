-- purpose: Ends what the guard noted for the UPDATE arm of an upsert: it held for that statement only.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "forget_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "forget_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    PERFORM pg_catalog.set_config({{ ("keyward.withheld_" ~ key.name) | lit }}, '', true);
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("forget_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
