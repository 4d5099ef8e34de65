-- purpose: Legacy roles update no row of an enabled account, nor move one in or out.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_update" }} ON {{ write.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_update" }} BEFORE UPDATE ON {{ write.table }} FOR EACH ROW
    WHEN (keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_update" }};
