-- purpose: Runs after the application's triggers: withholds or seals a key that an update brings, moves or clears.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} BEFORE UPDATE ON {{ key.table }} FOR EACH ROW
    -- short, since each statement reads it anew
    WHEN (NEW.{{ key.id }} IS DISTINCT FROM OLD.{{ key.id }}
          OR ((NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }} OR NEW.{{ key.account.column }} IS DISTINCT FROM OLD.{{ key.account.column }})
              -- unless keyward's own sealing clears what it has put into the vault
              AND (NEW.{{ key.column }} IS NOT NULL OR NOT keyward.{{ "seals_" ~ key.name }}())))
    EXECUTE FUNCTION keyward.{{ "withhold_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }};
