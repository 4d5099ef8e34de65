-- purpose: Returns the key of a row that the caller may see, and records the reading. Runs as the caller.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "reveal_" ~ key.name }}({{ key.id_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "reveal_" ~ key.name }}(id {{ key.id_type }}) RETURNS {{ key.key_type }}
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    key_   {{ key.key_type }};
    acct   text;
BEGIN
    SELECT b.{{ key.column }}, {{ m.account_of("b" | safe, key.account) }}::text INTO key_, acct
      FROM {{ key.table }} AS b
     WHERE b.{{ key.id }} = $1;
    IF NOT FOUND THEN
        {{ m.row_not_visible(key) }}
    END IF;
    IF key_ IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'KW004',
            MESSAGE = {{ ("the row of " ~ key.human ~ " has no key") | lit }},
            HINT = {{ ("keyward.generate_" ~ key.name ~ "(id) makes one.") | lit }},
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    PERFORM keyward.record('reveal', {{ key.name | lit }}, $1::text, acct);
    RETURN key_;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("reveal_" ~ key.name) ~ "(" | safe ~ key.id_type ~ ")" | safe, grantees, ui) }}
