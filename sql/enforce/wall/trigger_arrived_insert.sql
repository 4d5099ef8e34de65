-- purpose: Runs before the assertion: tells it which row comes from another partition.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_arrived_insert" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_arrived_insert" }} AFTER INSERT ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS NOT NULL)
    EXECUTE FUNCTION keyward.{{ "moved_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_arrived_insert" }};
