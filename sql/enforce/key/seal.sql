-- purpose: Seals every published key of the given accounts, which must be enabled. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "seal_" ~ key.name }}({{ accounts.id_type }}[]);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "seal_" ~ key.name }}(accounts {{ accounts.id_type }}[]) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- look-ups by index from the first row on: a session keeps its plans, and one made while keyward's tables were a page long
    -- would read all of them, for each row, when they have grown
    SET random_page_cost = 0.01
AS $keyward$
DECLARE
    sealed  bigint := 0;
    ids_    {{ key.id_type }}[];
BEGIN
    -- Again until nothing is found: a row that another transaction committed meanwhile is taken too.
    FOR attempt IN 1 .. 5 LOOP
        -- the guard turns this NULL into a seal
        WITH done AS (
        UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
{% if key.account.via %}
          FROM {{ key.account.via }} AS v
         WHERE v.{{ key.account.via_id }} = b.{{ key.account.column }} AND v.{{ key.account.via_account }} = ANY ($1)
{% else %}
         WHERE b.{{ key.account.column }} = ANY ($1)
{% endif %}
           AND b.{{ key.column }} IS NOT NULL
        RETURNING b.{{ key.id }} AS id
        ) SELECT pg_catalog.array_agg(d.id) INTO ids_ FROM done AS d;
        sealed := sealed + COALESCE(pg_catalog.cardinality(ids_), 0);
        -- where the guard is off, or takes the account for one that is, the NULL has ended the key
        IF EXISTS (SELECT FROM pg_catalog.unnest(ids_) AS x (id)
                    WHERE NOT EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = x.id)) THEN
            RAISE EXCEPTION USING ERRCODE = 'KW003',
                MESSAGE = {{ ("keys of " ~ key.human ~ " would be lost instead of sealed") | lit }},
                DETAIL = 'keyward''s guards are off (keyward.policy), or the account''s setting is. Nothing was changed.',
                HINT = 'Run keyward policy enforce, and try again.',
                SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
        END IF;
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
