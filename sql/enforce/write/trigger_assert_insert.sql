-- purpose: Asserts the same behind triggers that sort after the guard.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }} ON {{ write.table }};
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }} AFTER INSERT ON {{ write.table }} FOR EACH ROW
    WHEN ({{ m.acts_as(write.roles) }})
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_assert_insert" }};
