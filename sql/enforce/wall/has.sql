-- purpose: Tells whether a row is there with this id and key, by what the statement that runs has done until now.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "has_" ~ key.name }}({{ key.id_type }}, {{ key.key_type }});
{% import "enforce/_macros.sql" as m %}

-- VOLATILE, so that it sees what its caller, who looks at the statement's beginning, doesn't
CREATE OR REPLACE FUNCTION keyward.{{ "has_" ~ key.name }}(id {{ key.id_type }}, key {{ key.key_type }}) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    RETURN EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = $1 AND b.{{ key.column }} IS NOT DISTINCT FROM $2);
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("has_" ~ key.name) ~ "(" | safe ~ key.id_type ~ ", " | safe ~ key.key_type ~ ")" | safe, grantees, []) }}
