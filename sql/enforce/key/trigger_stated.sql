-- purpose: Runs before the application's triggers: remembers which key the statement itself states.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "!keyward_" ~ key.name ~ "_stated" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "!keyward_" ~ key.name ~ "_stated" }} BEFORE UPDATE OF {{ key.column }} ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }})
    EXECUTE FUNCTION keyward.{{ "stated_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "!keyward_" ~ key.name ~ "_stated" }};
