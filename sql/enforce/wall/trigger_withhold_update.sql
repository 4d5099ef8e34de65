-- purpose: Runs after the application's triggers: withholds a key that an update brings.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} BEFORE UPDATE ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }})
    EXECUTE FUNCTION keyward.{{ "withhold_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }};
