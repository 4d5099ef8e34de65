-- purpose: Keys that hang on a row that changes its account are sealed.
-- lock: SHARE ROW EXCLUSIVE {{ key.account.via }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_update" }} ON {{ key.account.via }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_update" }} AFTER UPDATE ON {{ key.account.via }} FOR EACH ROW
    WHEN (NEW.{{ key.account.via_id }} IS DISTINCT FROM OLD.{{ key.account.via_id }}
          OR NEW.{{ key.account.via_account }} IS DISTINCT FROM OLD.{{ key.account.via_account }})
    EXECUTE FUNCTION keyward.{{ "hop_" ~ key.name }}();
ALTER TABLE {{ key.account.via }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_hop_update" }};
