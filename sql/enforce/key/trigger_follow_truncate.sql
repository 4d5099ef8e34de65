-- purpose: A truncated table takes its sealed keys along; on each partition too, since a statement trigger is not inherited.
-- lock: SHARE ROW EXCLUSIVE {{ part }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_truncate" }} ON {{ part }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_truncate" }} AFTER TRUNCATE ON {{ part }} FOR EACH STATEMENT
    EXECUTE FUNCTION keyward.{{ "follow_" ~ key.name }}();
ALTER TABLE {{ part }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_truncate" }};
