-- purpose: Tells which row and account a presented key belongs to, sealed or not; nothing else.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "authenticate_" ~ key.name }}({{ key.key_type }});
{% import "enforce/_macros.sql" as m %}

-- In PL/pgSQL, which keeps its plans: every request asks it, and a function in SQL would be planned anew each time.
CREATE OR REPLACE FUNCTION keyward.{{ "authenticate_" ~ key.name }}(candidate {{ key.key_type }})
    RETURNS TABLE (id {{ key.id_type }}, account {{ accounts.id_type }})
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 1
    SET search_path = pg_catalog, pg_temp
    -- as the guard: a plan from when the tables were small would read all of them for each request
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_column
BEGIN
    -- a sealed key comes before a published one of the same value, which is another row's copy
    -- assigned, not cast: an account that doesn't fit the type of the ids is an error, not another account
    SELECT hit.id, hit.account INTO id, account FROM (
        SELECT 1 AS place, b.{{ key.id }} AS id, {{ m.account_of("b" | safe, key.account) }} AS account
          FROM keyward.{{ "vault_" ~ key.name }} AS v JOIN {{ key.table }} AS b ON b.{{ key.id }} = v.{{ key.id }}
         WHERE v.{{ key.column }} {{ key.equals }} $1
        UNION ALL
        SELECT 2, b.{{ key.id }}, {{ m.account_of("b" | safe, key.account) }}
          FROM {{ key.table }} AS b
         WHERE b.{{ key.column }} {{ key.equals }} $1
    ) AS hit
    ORDER BY hit.place, hit.id
    LIMIT 1;
    IF FOUND THEN
        RETURN NEXT;
    END IF;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("authenticate_" ~ key.name) ~ "(" | safe ~ key.key_type ~ ")" | safe, grantees, auth) }}
