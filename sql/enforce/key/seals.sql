-- purpose: Whether keyward itself is sealing: the statement that clears what is in the vault already, by its owner and by no trigger. For the WHEN
--   clause of the guard.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "seals_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

-- As part of the WHEN clause it would cost every UPDATE its reading; here, only one that touches a key. Every name, type and operator is qualified,
-- since setting search_path would cost each sealed row. It runs as whoever writes, hence PUBLIC.
CREATE OR REPLACE FUNCTION keyward.{{ "seals_" ~ key.name }}() RETURNS pg_catalog.bool
    LANGUAGE plpgsql STABLE
AS $keyward$
BEGIN
    RETURN CURRENT_USER OPERATOR(pg_catalog.=) {{ owner_name | lit }}::pg_catalog.name
       AND pg_catalog.pg_trigger_depth() OPERATOR(pg_catalog.=) 0
       AND COALESCE(pg_catalog.current_setting({{ ("keyward.sealing_" ~ key.name) | lit }}, true) OPERATOR(pg_catalog.=) 'on', false);
END
$keyward$;
{{ m.execute_by_anybody("keyward." | safe ~ ("seals_" ~ key.name) ~ "()" | safe, grantees) }}
