-- purpose: Legacy roles move nothing that rows of {{ write.table }} hang on between accounts, if one of them is enabled.
-- lock: SHARE ROW EXCLUSIVE {{ write.account.via }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_hop" }} ON {{ write.account.via }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_hop" }} AFTER UPDATE ON {{ write.account.via }} FOR EACH ROW
    WHEN ((NEW.{{ write.account.via_id }} IS DISTINCT FROM OLD.{{ write.account.via_id }}
           OR NEW.{{ write.account.via_account }} IS DISTINCT FROM OLD.{{ write.account.via_account }})
          AND keyward.{{ "binds_" ~ write.name }}())
    EXECUTE FUNCTION keyward.{{ "deny_hop_" ~ write.name }}();
ALTER TABLE {{ write.account.via }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_hop" }};
