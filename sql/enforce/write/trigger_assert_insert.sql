-- purpose: Asserts the same behind triggers that sort after the guard.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }} ON {{ write.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }} AFTER INSERT ON {{ write.table }} FOR EACH ROW
    WHEN (keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }};
