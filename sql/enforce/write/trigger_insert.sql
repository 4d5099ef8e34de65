-- purpose: Legacy roles insert no row of an enabled account.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }} ON {{ write.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }} BEFORE INSERT ON {{ write.table }} FOR EACH ROW
    WHEN (keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }};
