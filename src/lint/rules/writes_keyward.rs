//! Whatever changes keyward's schema.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL060",
    file: "writes_keyward",
    severity: Error,
    title: "something in the schema keyward is written, created or dropped",
    why: "The schema is keyward's own: it holds sealed keys, settings and what the guards run. What is changed there by hand is drift at best, and a lost key at worst.",
    remedy: "Use keyward account, keyward policy, keyward apply and keyward uninstall; keep other objects in a schema of your own.",
    bad: &[
        "UPDATE keyward.policy SET mode = 'off';",
        "DELETE FROM keyward.vault_location_api_key;",
        "DROP SCHEMA IF EXISTS keyward CASCADE;",
        "CREATE OR REPLACE FUNCTION keyward.is_enabled(account bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';",
        "CREATE TABLE keyward.notes (id bigint);",
        "ALTER TABLE keyward.account_setting ADD COLUMN note text;",
        "CREATE TRIGGER t AFTER INSERT ON keyward.vault_location_api_key FOR EACH ROW EXECUTE FUNCTION app.copy();",
        "CREATE FUNCTION app.f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN IF true THEN UPDATE keyward.account_setting SET enabled = false; END IF; END $$;",
        "SET search_path = keyward; TRUNCATE policy;",
    ],
    good: &["SELECT keyward.opt_in(1, 'asked for');", "SELECT * FROM keyward.account_setting;", "SET search_path = app; TRUNCATE policy;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    let mut found = |name: &Name, what: &str| {
        if ground.is_own(name) {
            hits.add(name.at, name.human(), format!("{what}."));
        }
    };
    for act in &statement.read.acts {
        match act {
            Act::Write { how, table, .. } => found(table, &format!("{} changes its rows", how.as_str())),
            Act::Copy { table: Some(table), is_from: true, .. } => found(table, "COPY fills it"),
            Act::CreateTable { table: name, .. } | Act::CreateAs { into: name, .. } | Act::CreateView { view: name, .. } => found(name, "It is created"),
            Act::CreateFunction(function) => found(&function.name, "It is created or replaced"),
            Act::CreateTrigger(trigger) if !super::is_of_keyward(&trigger.name) => found(&trigger.table, "It gets a trigger"),
            Act::CreateIndex { table, .. } => found(table, "It gets an index"),
            Act::AlterFunction { function, .. } => found(function, "It is altered"),
            Act::AlterTable { table, changes, .. } => {
                // The others have rules of their own.
                let plain = |change: &Change| {
                    !matches!(change, Change::RowSecurity(_) | Change::ForceRowSecurity(_) | Change::Owner(_) | Change::DisableTrigger(_) | Change::EnableTrigger(..))
                };
                if changes.iter().any(plain) {
                    found(table, "It is altered");
                }
            }
            Act::Rename { kind: Kind::Schema, object, .. } | Act::Other { object: Some(object) } if object.name == SCHEMA && object.schema.is_none() => {
                hits_schema(&mut found, "It is altered");
            }
            Act::Rename { kind, object, .. } if !matches!(kind, Kind::Policy | Kind::Trigger) => found(object, "It is renamed"),
            Act::Other { object: Some(object) } => found(object, "It is created or altered"),
            Act::Move { object, to, .. } => {
                found(object, "It is moved");
                if to == SCHEMA && !ground.is_own(object) {
                    hits_schema(&mut found, "Something is moved into it");
                }
            }
            Act::Drop { kind: Kind::Schema, objects, .. } if objects.iter().any(|(object, _)| object.name == SCHEMA) => {
                hits_schema(&mut found, "It is dropped");
            }
            Act::Drop { kind, objects, .. } if !matches!(kind, Kind::Policy | Kind::Trigger | Kind::Role | Kind::Schema) => {
                for (object, _) in objects {
                    found(object, "It is dropped");
                }
            }
            _ => {}
        }
    }
}

fn hits_schema(found: &mut impl FnMut(&Name, &str), what: &str) {
    found(&Name { schema: Some(SCHEMA.to_owned()), name: "*".to_owned(), at: None }, what);
}
