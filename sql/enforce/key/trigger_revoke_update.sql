-- purpose: Runs when keyward.{{ "revoke_" ~ key.name }} clears a key: a sealed one isn't in the row, so that nothing there changes.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_revoke_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_revoke_update" }} BEFORE UPDATE OF {{ key.column }} ON {{ key.table }} FOR EACH ROW
    WHEN (pg_catalog.current_setting({{ ("keyward.revoke_" ~ key.name) | lit }}, true) <> '')
    EXECUTE FUNCTION keyward.{{ "withhold_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_revoke_update" }};
