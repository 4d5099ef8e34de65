-- purpose: Asserts that no row of an enabled account has got a key but by a UI role's own statement.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_update" }} AFTER UPDATE ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }})
    EXECUTE FUNCTION keyward.{{ "assert_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_update" }};
