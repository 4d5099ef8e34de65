-- purpose: Ends the key of a row that the caller may update, sealed or not. Runs as the caller.
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
    found_ boolean;
BEGIN
    -- tells the guard that this NULL is meant; it believes it of a UI role only
    PERFORM pg_catalog.set_config({{ ("keyward.revoke_" ~ key.name) | lit }}, ':' || $1::text, true);
    UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL WHERE b.{{ key.id }} = $1
    RETURNING {{ m.account_of("b" | safe, key.account) }}::text INTO acct;
    found_ := FOUND;
    PERFORM pg_catalog.set_config({{ ("keyward.revoke_" ~ key.name) | lit }}, '', true);
    IF NOT found_ THEN
        {{ m.row_not_visible(key) }}
    END IF;
    PERFORM FROM {{ key.table }} AS b LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
      WHERE b.{{ key.id }} = $1 AND COALESCE(v.{{ key.column }}, b.{{ key.column }}) IS NOT NULL;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("the key of the row of " ~ key.human ~ " is still there") | lit }},
            DETAIL = 'A key is revoked by a statement of a UI role, not from inside a trigger; or a trigger of the application undid it.',
            HINT = {{ ("Call keyward.revoke_" ~ key.name ~ "(id) directly, as a role listed under roles.ui in the manifest.") | lit }},
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    PERFORM keyward.record('revoke', {{ key.name | lit }}, $1::text, acct);
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("revoke_" ~ key.name) ~ "(" | safe ~ key.id_type ~ ")" | safe, grantees, ui) }}
