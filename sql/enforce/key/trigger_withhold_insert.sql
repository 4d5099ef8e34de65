-- purpose: Runs after the application's triggers: withholds a key that a new row would bring.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_insert" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_insert" }} BEFORE INSERT ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS NOT NULL)
    EXECUTE FUNCTION keyward.{{ "withhold_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_insert" }};
