-- purpose: Publishes exactly the keys of the given accounts that the given waves sealed; the accounts' setting must be off. Returns how many.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "unseal_" ~ key.name }}({{ accounts.id_type }}[], integer[]);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "unseal_" ~ key.name }}(accounts {{ accounts.id_type }}[], waves integer[]) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- as in the guard: look-ups by index, whatever size the tables had when the session made its plans
    SET random_page_cost = 0.01
AS $keyward$
#variable_conflict use_variable
DECLARE
    taken      bigint;
    published  bigint;
BEGIN
    -- out of the vault first: the guard lets a key pass only into a row that has none there
    WITH gone AS (
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v
         USING {{ key.table }} AS b{% if key.account.via %}, {{ key.account.via }} AS h{% endif %}

         WHERE b.{{ key.id }} = v.{{ key.id }} AND v.sealed_by_wave = ANY ($2)
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
    {{ m.published_intact(key, "Nothing was changed.") }}
    RETURN published;
{{ m.published_against_constraint(key, "Nothing was changed.") }}
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("unseal_" ~ key.name) ~ "(" | safe ~ accounts.id_type ~ "[], integer[])" | safe, grantees, []) }}
