-- purpose: Records that a UI role did something with a key. Takes no key, and no role but one that acts as the UI.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.record(text, text, text, text);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.record(kind text, key_name text, row_id text, account text) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    IF NOT keyward.acts_as_ui() THEN
        RAISE insufficient_privilege USING
            MESSAGE = 'only a UI role records the use of a key',
            HINT = 'Connect as a role listed under roles.ui in the manifest.';
    END IF;
    INSERT INTO keyward.event (kind, key_name, row_id, account, actor)
    VALUES ($1, $2, $3, $4, {{ m.actor() }});
END
$keyward$;
{{ m.execute("keyward.record(text, text, text, text)" | safe, grantees, ui) }}
