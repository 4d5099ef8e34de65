-- purpose: Legacy roles truncate nothing once an account is enabled, by no cascade either; on each partition too, since a statement
--   trigger is not inherited.
-- lock: SHARE ROW EXCLUSIVE {{ part }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_truncate" }} ON {{ part }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_truncate" }} BEFORE TRUNCATE ON {{ part }} FOR EACH STATEMENT
    WHEN (keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ part }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_truncate" }};
