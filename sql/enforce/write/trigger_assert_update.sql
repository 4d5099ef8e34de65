-- purpose: Asserts the same of rows that moved, behind triggers that sort after the guard.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_update" }} ON {{ write.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_update" }} AFTER UPDATE ON {{ write.table }} FOR EACH ROW
    -- a row that stays where it is was looked at by the guard, whatever a later trigger did to it
    WHEN (NEW.{{ write.account.column }} IS DISTINCT FROM OLD.{{ write.account.column }})
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_update" }};
