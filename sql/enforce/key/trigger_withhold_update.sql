-- purpose: Runs after the application's triggers: withholds or seals a key that an update brings, moves or clears.
-- lock: SHARE ROW EXCLUSIVE {{ key.table }}
-- undo: DROP TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} ON {{ key.table }};

CREATE OR REPLACE TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }} BEFORE UPDATE ON {{ key.table }} FOR EACH ROW
    WHEN ((NEW.{{ key.column }} IS DISTINCT FROM OLD.{{ key.column }}
           OR NEW.{{ key.id }} IS DISTINCT FROM OLD.{{ key.id }}
           OR (NEW.{{ key.column }} IS NOT NULL AND NEW.{{ key.account.column }} IS DISTINCT FROM OLD.{{ key.account.column }})
           OR COALESCE(pg_catalog.current_setting({{ ("keyward.revoke_" ~ key.name) | lit }}, true), '') <> '')
          -- unless keyward's own sealing clears what it has put into the vault: the statement itself, no trigger that it sets off
          AND (NEW.{{ key.column }} IS NOT NULL
               OR NEW.{{ key.id }} IS DISTINCT FROM OLD.{{ key.id }}
               OR CURRENT_USER <> {{ owner_name | lit }}
               OR pg_catalog.pg_trigger_depth() <> 0
               OR COALESCE(pg_catalog.current_setting({{ ("keyward.sealing_" ~ key.name) | lit }}, true), '') <> 'on'))
    EXECUTE FUNCTION keyward.{{ "withhold_" ~ key.name }}();
ALTER TABLE {{ key.table }} ENABLE ALWAYS TRIGGER {{ "~keyward_" ~ key.name ~ "_withhold_update" }};
