-- purpose: The effective setting of an account. NULL, an account that can't be determined, counts as enabled.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.is_enabled({{ accounts.id_type }});
{% import "enforce/_macros.sql" as m %}

-- In PL/pgSQL, which keeps its plans: policies ask it for each row that a legacy role writes, and a function in SQL would be planned anew each time.
CREATE OR REPLACE FUNCTION keyward.is_enabled(account {{ accounts.id_type }}) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    -- as the guard of keys
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    enabled_ boolean;
BEGIN
    SELECT {{ m.short_setting("$1" | safe) }}
      INTO enabled_
      FROM keyward.policy AS p LEFT JOIN keyward.account_setting AS s ON s.account = $1;
    IF enabled_ IS NULL THEN
        enabled_ := {{ m.effective("$1" | safe, accounts) }};
    END IF;
    RETURN enabled_;
END
$keyward$;
{{ m.execute("keyward.is_enabled(" | safe ~ accounts.id_type ~ ")" | safe, grantees, ui + api + deniers) }}
