-- purpose: An account whose id changes takes its setting along, before any cascade.
-- lock: SHARE ROW EXCLUSIVE {{ accounts.table }}
-- undo: DROP TRIGGER "~keyward_accounts_rename" ON {{ accounts.table }};

CREATE OR REPLACE TRIGGER "~keyward_accounts_rename" BEFORE UPDATE ON {{ accounts.table }} FOR EACH ROW
    WHEN (OLD.{{ accounts.id }} IS DISTINCT FROM NEW.{{ accounts.id }})
    EXECUTE FUNCTION keyward.follow_accounts();
ALTER TABLE {{ accounts.table }} ENABLE ALWAYS TRIGGER "~keyward_accounts_rename";
