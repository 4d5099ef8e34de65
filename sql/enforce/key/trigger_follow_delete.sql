-- purpose: A deleted row takes its sealed key along.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_delete" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_delete" }} AFTER DELETE ON {{ key.table }} FOR EACH ROW
    EXECUTE FUNCTION keyward.{{ "follow_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_follow_delete" }};
