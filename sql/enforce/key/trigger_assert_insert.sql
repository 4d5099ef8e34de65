-- purpose: Asserts that no new row of an enabled account has kept a key.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_insert" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_insert" }} AFTER INSERT ON {{ key.table }} FOR EACH ROW
    WHEN (NEW.{{ key.column }} IS NOT NULL)
    EXECUTE FUNCTION keyward.{{ "assert_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_assert_insert" }};
