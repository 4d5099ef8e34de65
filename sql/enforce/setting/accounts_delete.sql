-- purpose: A deleted account leaves no setting behind but that its id was enabled, after every cascade.
-- lock: SHARE ROW EXCLUSIVE {{ accounts.table }}
-- undo: DROP TRIGGER "~keyward_accounts_delete" ON {{ accounts.table }};

CREATE OR REPLACE TRIGGER "~keyward_accounts_delete" AFTER DELETE ON {{ accounts.table }} FOR EACH ROW
    EXECUTE FUNCTION keyward.follow_accounts();
ALTER TABLE {{ accounts.table }} ENABLE ALWAYS TRIGGER "~keyward_accounts_delete";
