-- purpose: Whether the session acts as a UI role, or as one who may do what the UI may: a superuser, or a member of keyward's owner.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.acts_as_ui();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.acts_as_ui() RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
BEGIN
    -- a superuser has the privileges of every role
    RETURN {{ m.acts_as(ui + [owner]) }};
END
$keyward$;
{{ m.execute("keyward.acts_as_ui()" | safe, grantees, ui) }}
