-- purpose: Runs when an UPDATE that names the key begins: a key withheld from an earlier INSERT says nothing about it. (An upsert begins before it inserts.)
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_update" }} BEFORE UPDATE OF {{ key.column }} ON {{ key.table }} FOR EACH STATEMENT
    -- not by what a trigger does amid the upsert
    WHEN (pg_catalog.current_setting({{ ("keyward.withheld_" ~ key.name) | lit }}, true) <> '' AND pg_catalog.pg_trigger_depth() = 0)
    EXECUTE FUNCTION keyward.{{ "forget_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_update" }};
