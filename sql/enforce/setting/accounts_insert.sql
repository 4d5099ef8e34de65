-- purpose: A new account is enabled at birth once the rollout has begun.
-- lock: SHARE ROW EXCLUSIVE {{ accounts.table }}
-- undo: DROP TRIGGER "~keyward_accounts_insert" ON {{ accounts.table }};

CREATE OR REPLACE TRIGGER "~keyward_accounts_insert" AFTER INSERT ON {{ accounts.table }} FOR EACH ROW
    EXECUTE FUNCTION keyward.follow_accounts();
ALTER TABLE {{ accounts.table }} ENABLE ALWAYS TRIGGER "~keyward_accounts_insert";
