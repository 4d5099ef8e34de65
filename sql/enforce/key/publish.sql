-- purpose: Publishes every sealed key of the given accounts, whose setting must be off. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "publish_" ~ key.name }}({{ accounts.id_type }}[]);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "publish_" ~ key.name }}(accounts {{ accounts.id_type }}[]) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
DECLARE
    taken      bigint;
    published  bigint;
BEGIN
    -- out of the vault first: the guard lets a key pass only into a row that has none there
    WITH gone AS (
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v
         USING {{ key.table }} AS b{% if key.account.via %}, {{ key.account.via }} AS h{% endif %}

         WHERE b.{{ key.id }} = v.{{ key.id }}
{% if key.account.via %}
           AND h.{{ key.account.via_id }} = b.{{ key.account.column }} AND h.{{ key.account.via_account }} = ANY ($1)
{% else %}
           AND b.{{ key.account.column }} = ANY ($1)
{% endif %}
        RETURNING v.{{ key.id }} AS id, v.{{ key.column }} AS key
    ), put AS (
        UPDATE {{ key.table }} AS b SET {{ key.column }} = g.key FROM gone AS g WHERE b.{{ key.id }} = g.id
        RETURNING b.{{ key.column }} = g.key AS intact
    )
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM put WHERE intact) INTO taken, published;
    IF taken <> published THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = {{ ("keys of " ~ key.human ~ " can't be published") | lit }},
            DETAIL = 'A trigger of the application alters or suppresses the publishing UPDATE. Nothing was changed.',
            HINT = 'Mend the trigger, and try again.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    RETURN published;
EXCEPTION WHEN unique_violation THEN
    -- raised anew: the server's own message would name the key
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: another row has the same key by now") | lit }},
        DETAIL = 'Nothing was changed.',
        HINT = {{ ("Give one of the two rows another key: keyward.generate_" ~ key.name ~ "(id).") | lit }},
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
WHEN integrity_constraint_violation THEN
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("a sealed key of " ~ key.human ~ " can't be published: it violates a constraint") | lit }},
        DETAIL = 'Nothing was changed.',
        HINT = 'A constraint that was added while the key was sealed rejects it: drop the constraint, or give the row another key.',
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("publish_" ~ key.name) ~ "(" | safe ~ accounts.id_type ~ "[])" | safe, grantees, []) }}
