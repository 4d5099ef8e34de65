-- purpose: Seals every published key of the given accounts, which must be enabled. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "seal_" ~ key.name }}({{ accounts.id_type }}[]);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "seal_" ~ key.name }}(accounts {{ accounts.id_type }}[]) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
DECLARE
    sealed  bigint := 0;
    now_    bigint;
BEGIN
    -- Again until nothing is found: a row that another transaction committed meanwhile is taken too.
    FOR attempt IN 1 .. 5 LOOP
        -- the guard turns this NULL into a seal
        UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
{% if key.account.via %}
          FROM {{ key.account.via }} AS v
         WHERE v.{{ key.account.via_id }} = b.{{ key.account.column }} AND v.{{ key.account.via_account }} = ANY ($1)
{% else %}
         WHERE b.{{ key.account.column }} = ANY ($1)
{% endif %}
           AND b.{{ key.column }} IS NOT NULL;
        GET DIAGNOSTICS now_ = ROW_COUNT;
        sealed := sealed + now_;
        IF NOT EXISTS (
            SELECT FROM {{ key.table }} AS b
{% if key.account.via %}
              JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
             WHERE v.{{ key.account.via_account }} = ANY ($1)
{% else %}
             WHERE b.{{ key.account.column }} = ANY ($1)
{% endif %}
               AND b.{{ key.column }} IS NOT NULL
        ) THEN
            RETURN sealed;
        END IF;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("keys of " ~ key.human ~ " stay published") | lit }},
        DETAIL = 'A trigger of the application undoes or suppresses the sealing UPDATE, or row-level security hides rows from the owner.',
        HINT = 'keyward plan names the triggers and the policies.',
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("seal_" ~ key.name) ~ "(" | safe ~ accounts.id_type ~ "[])" | safe, grantees, []) }}
