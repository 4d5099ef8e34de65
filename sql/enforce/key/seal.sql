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
#variable_conflict use_variable
DECLARE
    sealed  bigint := 0;
    cleared bigint;
    kept_   bigint;
    ids_    {{ key.id_type }}[];
    -- where each row hangs: found by both, a row is looked for in one partition
    hangs_  {{ key.account.column_type }}[];
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (account) WHERE NOT {{ m.effective("x.account" | safe) }}) THEN
        RAISE EXCEPTION USING ERRCODE = 'KW003',
            MESSAGE = {{ ("keys of " ~ key.human ~ " can't be sealed") | lit }},
            DETAIL = 'keyward''s guards are off (keyward.policy), or the account''s setting is. Nothing was changed.',
            HINT = 'Run keyward policy enforce, or opt the account in, and try again.',
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    -- Again until nothing is found: a row that another transaction committed meanwhile is taken too.
    FOR attempt IN 1 .. 5 LOOP
        -- Copied first, all at once, from rows that nobody else can change any more; then cleared.
        WITH own AS MATERIALIZED (
            SELECT b.{{ key.id }} AS id, b.{{ key.account.column }} AS hangs, b.{{ key.column }} AS key,
                   {% if key.account.via %}v.{{ key.account.via_account }}{% else %}b.{{ key.account.column }}{% endif %} AS account
              FROM {{ key.table }} AS b
{% if key.account.via %}
              JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}
             WHERE v.{{ key.account.via_account }} = ANY ($1)
{% else %}
             WHERE b.{{ key.account.column }} = ANY ($1)
{% endif %}
               AND b.{{ key.column }} IS NOT NULL
               {{ key.row_lock }} OF b
        ), kept AS (
            INSERT INTO keyward.{{ "vault_" ~ key.name }} ({{ key.id }}, {{ key.column }}, sealed_by_wave)
            SELECT o.id, o.key, (SELECT s.wave FROM keyward.account_setting AS s WHERE s.account = o.account)
              FROM own AS o
             WHERE NOT EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = o.id)
            RETURNING true
        )
        SELECT pg_catalog.array_agg(o.id), pg_catalog.array_agg(o.hangs), (SELECT pg_catalog.count(*) FROM kept AS k)
          INTO ids_, hangs_, kept_
          FROM own AS o;
        IF ids_ IS NULL THEN
            RETURN sealed;
        END IF;
        -- A copy may have been left there, by somebody who had switched the guards' triggers off.
        IF kept_ < pg_catalog.cardinality(ids_) THEN
            UPDATE keyward.{{ "vault_" ~ key.name }} AS v
               SET {{ key.column }} = b.{{ key.column }}, sealed_at = pg_catalog.now(),
                   sealed_by_wave = (SELECT s.wave FROM keyward.account_setting AS s WHERE s.account = {% if key.account.via %}t.{{ key.account.via_account }}{% else %}b.{{ key.account.column }}{% endif %})
              FROM {{ key.table }} AS b
{% if key.account.via %}
              JOIN {{ key.account.via }} AS t ON t.{{ key.account.via_id }} = b.{{ key.account.column }}
{% endif %}
             WHERE v.{{ key.id }} = b.{{ key.id }} AND b.{{ key.id }} = ANY (ids_);
        END IF;
        -- tells the guard that these keys are kept already
        PERFORM pg_catalog.set_config({{ ("keyward.sealing_" ~ key.name) | lit }}, 'on', true);
        UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
          FROM ROWS FROM (pg_catalog.unnest(ids_), pg_catalog.unnest(hangs_)) AS x (id, hangs)
         WHERE b.{{ key.id }} = x.id AND b.{{ key.account.column }} = x.hangs AND b.{{ key.column }} IS NOT NULL;
        GET DIAGNOSTICS cleared = ROW_COUNT;
        PERFORM pg_catalog.set_config({{ ("keyward.sealing_" ~ key.name) | lit }}, '', true);
        sealed := sealed + cleared;
    END LOOP;
    RAISE EXCEPTION USING ERRCODE = 'KW003',
        MESSAGE = {{ ("keys of " ~ key.human ~ " stay published") | lit }},
        DETAIL = 'A trigger of the application undoes or suppresses the sealing UPDATE, or row-level security hides rows from the owner.',
        HINT = 'keyward plan names the triggers and the policies.',
        SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("seal_" ~ key.name) ~ "(" | safe ~ accounts.id_type ~ "[])" | safe, grantees, []) }}
