-- purpose: Keys that hang on a deleted row are sealed.
-- lock: SHARE ROW EXCLUSIVE {{ key.account.via }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_delete" }} ON {{ key.account.via }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_delete" }} AFTER DELETE ON {{ key.account.via }} FOR EACH ROW
    EXECUTE FUNCTION keyward.{{ "hop_" ~ key.name }}();
ALTER TABLE {{ key.account.via }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_delete" }};
