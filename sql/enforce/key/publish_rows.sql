-- purpose: Publishes up to a number of sealed keys, whatever their account, for the removal of keyward: the guards must be gone or
--   the policy off. Returns how many left the vault.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "publish_rows_" ~ key.name }}(bigint);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "publish_rows_" ~ key.name }}(most bigint) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
DECLARE
    taken      bigint;
    published  bigint;
BEGIN
    WITH picked AS (
        -- only rows that are there: the key of a detached partition's row waits for it
        SELECT v.{{ key.id }} AS id FROM keyward.{{ "vault_" ~ key.name }} AS v
         WHERE EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = v.{{ key.id }})
         LIMIT $1
    ), gone AS (
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v USING picked AS p WHERE v.{{ key.id }} = p.id
        RETURNING v.{{ key.id }} AS id, v.{{ key.column }} AS key
    ), put AS (
        -- a key that the application wrote meanwhile is newer, and stays
        UPDATE {{ key.table }} AS b SET {{ key.column }} = COALESCE(b.{{ key.column }}, g.key) FROM gone AS g WHERE b.{{ key.id }} = g.id
        RETURNING b.{{ key.column }} IS NOT NULL AS intact
    )
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM put WHERE intact) INTO taken, published;
    IF taken <> published THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = {{ ("keys of " ~ key.human ~ " can't be published") | lit }},
            DETAIL = 'A trigger of the application alters or suppresses the publishing UPDATE. The batch was undone.',
            HINT = 'Mend the trigger, and try again.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    RETURN taken;
EXCEPTION WHEN unique_violation THEN
    -- raised anew: the server's own message would name the key
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: another row has the same key by now") | lit }},
        DETAIL = 'The batch was undone.',
        HINT = {{ ("Give one of the two rows another key: keyward.generate_" ~ key.name ~ "(id).") | lit }},
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
WHEN integrity_constraint_violation THEN
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: it violates a constraint") | lit }},
        DETAIL = 'The batch was undone.',
        HINT = 'A constraint that was added while the key was sealed rejects it: drop the constraint, or give the row another key.',
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("publish_rows_" ~ key.name) ~ "(bigint)" | safe, grantees, []) }}
