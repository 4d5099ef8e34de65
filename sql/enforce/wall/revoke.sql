-- purpose: Ends the key of a row that the caller may update. Runs as the caller.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "revoke_" ~ key.name }}({{ key.id_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "revoke_" ~ key.name }}(id {{ key.id_type }}) RETURNS void
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    acct   text;
BEGIN
    UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL WHERE b.{{ key.id }} = $1
    RETURNING {{ m.account_of("b" | safe, key.account) }}::text INTO acct;
    IF NOT FOUND THEN
        {{ m.row_not_visible(key) }}
    END IF;
    PERFORM FROM {{ key.table }} AS b WHERE b.{{ key.id }} = $1 AND b.{{ key.column }} IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("the key of the row of " ~ key.human ~ " is still there") | lit }},
            DETAIL = 'A trigger of the application undid it.',
            HINT = 'Mend the trigger, and try again.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    PERFORM keyward.record('revoke', {{ key.name | lit }}, $1::text, acct);
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("revoke_" ~ key.name) ~ "(" | safe ~ key.id_type ~ ")" | safe, grantees, ui) }}
