-- purpose: Whether the row of {{ write.account.via }} that a row hangs on belongs to an enabled account; for the policies, which hold no sub-select.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "enabled_of_" ~ write.name }}({{ write.account.column_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "enabled_of_" ~ write.name }}(via {{ write.account.column_type }}) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    account_ {{ accounts.id_type }};
BEGIN
    account_ := (SELECT v.{{ write.account.via_account }} FROM {{ write.account.via }} AS v WHERE v.{{ write.account.via_id }} = $1);
    RETURN keyward.is_enabled(account_);
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("enabled_of_" ~ write.name) ~ "(" | safe ~ write.account.column_type ~ ")" | safe, grantees, write.roles) }}
