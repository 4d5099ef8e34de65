-- purpose: Runs when an INSERT ends: a key withheld from it says nothing about later statements.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_insert" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_insert" }} AFTER INSERT ON {{ key.table }} FOR EACH STATEMENT
    WHEN (COALESCE(pg_catalog.current_setting({{ ("keyward.withheld_" ~ key.name) | lit }}, true), '') <> '')
    EXECUTE FUNCTION keyward.{{ "forget_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_forget_insert" }};
