-- purpose: Tells which row and account a presented key belongs to; nothing else. The caller needs no right to the column.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "authenticate_" ~ key.name }}({{ key.key_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "authenticate_" ~ key.name }}(candidate {{ key.key_type }})
    RETURNS TABLE (id {{ key.id_type }}, account {{ accounts.id_type }})
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
    SELECT b.{{ key.id }}, {{ m.account_of("b" | safe, key.account) }}
      FROM {{ key.table }} AS b
     WHERE b.{{ key.column }} {{ key.equals }} $1
     ORDER BY b.{{ key.id }}
     LIMIT 1
$keyward$;
{{ m.execute("keyward." | safe ~ ("authenticate_" ~ key.name) ~ "(" | safe ~ key.key_type ~ ")" | safe, grantees, auth) }}
