-- purpose: Legacy roles delete no row of an enabled account, by no cascade either.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_delete" }} ON {{ write.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_delete" }} BEFORE DELETE ON {{ write.table }} FOR EACH ROW
    WHEN (keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_delete" }};
