-- purpose: A key ends with its row: when the application deletes or truncates it, the vault forgets it.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "follow_" ~ key.name }}();
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "follow_" ~ key.name }}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v
         WHERE NOT EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = v.{{ key.id }});
    ELSE
        -- a row that moves between partitions is deleted from one and inserted into the other: it is still there
        DELETE FROM keyward.{{ "vault_" ~ key.name }} AS v
         WHERE v.{{ key.id }} = OLD.{{ key.id }}
           AND NOT EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = OLD.{{ key.id }});
    END IF;
    RETURN NULL;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("follow_" ~ key.name) ~ "()" | safe, grantees, key.owners) }}
