-- purpose: The old id of an account leaves no setting behind but that it was enabled.
-- lock: SHARE ROW EXCLUSIVE {{ accounts.table }}
-- undo: DROP TRIGGER "~keyward_accounts_renamed" ON {{ accounts.table }};

CREATE OR REPLACE TRIGGER "~keyward_accounts_renamed" AFTER UPDATE ON {{ accounts.table }} FOR EACH ROW
    WHEN (OLD.{{ accounts.id }} IS DISTINCT FROM NEW.{{ accounts.id }})
    EXECUTE FUNCTION keyward.follow_accounts();
ALTER TABLE {{ accounts.table }} ENABLE ALWAYS TRIGGER "~keyward_accounts_renamed";
