-- purpose: Legacy roles insert no row of an enabled account.
-- lock: SHARE ROW EXCLUSIVE {{ write.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }} ON {{ write.table }};
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }} BEFORE INSERT ON {{ write.table }} FOR EACH ROW
    WHEN ({{ m.acts_as(write.roles) }})
    EXECUTE FUNCTION keyward.{{ "deny_" ~ write.name }}();
ALTER TABLE {{ write.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ write.name ~ "_insert" }};
