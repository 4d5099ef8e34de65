-- purpose: Publishes up to a number of sealed keys, whatever their account, for the removal of keyward: the guards must be gone or
--   the policy off. Rows in use are left for later, unless it is one key: that waits for its row. Returns how many left the vault.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "publish_rows_" ~ key.name }}(bigint);
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "publish_rows_" ~ key.name }}(most bigint) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
DECLARE
    taken      bigint;
    published  bigint;
    picked     {{ key.id_type }}[];
BEGIN
    -- The row first and its sealed key then, as whoever writes a key; and no row is waited for while others are held: so nobody who waits for
    -- us is waited for. Only rows that are there: the key of a detached partition's row waits for it.
    IF $1 = 1 THEN
        SELECT pg_catalog.array_agg(p.id) INTO picked FROM (
            SELECT b.{{ key.id }} AS id FROM keyward.{{ "vault_" ~ key.name }} AS v JOIN {{ key.table }} AS b ON b.{{ key.id }} = v.{{ key.id }}
             LIMIT 1 {{ key.row_lock }} OF b) AS p;
    ELSE
        SELECT pg_catalog.array_agg(p.id) INTO picked FROM (
            SELECT b.{{ key.id }} AS id FROM keyward.{{ "vault_" ~ key.name }} AS v JOIN {{ key.table }} AS b ON b.{{ key.id }} = v.{{ key.id }}
             LIMIT $1 {{ key.row_lock }} OF b SKIP LOCKED) AS p;
    END IF;
    WITH gone AS (
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.id }} = ANY (picked)
        RETURNING v.{{ key.id }} AS id, v.{{ key.column }} AS key
    ), put AS (
        -- a key that the application wrote meanwhile is newer, and stays
        UPDATE {{ key.table }} AS b SET {{ key.column }} = COALESCE(b.{{ key.column }}, g.key) FROM gone AS g WHERE b.{{ key.id }} = g.id
        RETURNING b.{{ key.column }} IS NOT NULL AS intact
    )
    SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM put WHERE intact) INTO taken, published;
    {{ m.published_intact(key, "The batch was undone.") }}
    RETURN taken;
{{ m.published_against_constraint(key, "The batch was undone.") }}
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("publish_rows_" ~ key.name) ~ "(bigint)" | safe, grantees, []) }}
