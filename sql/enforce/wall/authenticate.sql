-- purpose: Tells which row and account a presented key belongs to; nothing else. The caller needs no right to the column.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "authenticate_" ~ key.name }}({{ key.key_type }});
{% import "enforce/_macros.sql" as m %}

-- In PL/pgSQL, which keeps its plans: every request asks it, and a function in SQL would be planned anew each time.
CREATE OR REPLACE FUNCTION keyward.{{ "authenticate_" ~ key.name }}(candidate {{ key.key_type }})
    RETURNS TABLE (id {{ key.id_type }}, account {{ accounts.id_type }})
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
    SET search_path = pg_catalog, pg_temp
    -- a plan from when the table was small would read all of it for each request
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_column
BEGIN
    -- assigned, not cast: an account that doesn't fit the type of the ids is an error, not another account
    SELECT b.{{ key.id }}, {{ m.account_of("b" | safe, key.account) }} INTO id, account
      FROM {{ key.table }} AS b
     WHERE b.{{ key.column }} {{ key.equals }} $1
     ORDER BY b.{{ key.id }}
     LIMIT 1;
    IF FOUND THEN
        RETURN NEXT;
    END IF;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("authenticate_" ~ key.name) ~ "(" | safe ~ key.key_type ~ ")" | safe, grantees, auth) }}
