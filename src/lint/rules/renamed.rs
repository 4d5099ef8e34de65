//! Renames of what the manifest names.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL034",
    file: "renamed",
    severity: Error,
    title: "something that the manifest names is renamed",
    why: "keyward's functions call it by its old name: writes to the protected table fail, or, where a role is meant, the guard no longer knows it.",
    remedy: "Change the manifest along with it, and run keyward apply right after the migration.",
    bad: &[
        "ALTER TABLE app.locations RENAME TO places;",
        "ALTER TABLE app.locations RENAME COLUMN api_key TO secret;",
        "ALTER TABLE app.users SET SCHEMA archive;",
        "ALTER SCHEMA app RENAME TO shop;",
        "ALTER ROLE api_v1 RENAME TO api_old;",
    ],
    good: &["ALTER TABLE app.orders RENAME TO purchases;", "ALTER TABLE app.locations RENAME COLUMN name TO title;", "ALTER ROLE worker RENAME TO jobs;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    let mut found = |at: Option<usize>, object: String, to: &str, line: String| {
        let remedy = format!("In keyward.toml: {line}. Then run keyward apply right after the migration.");
        hits.add(at, object, format!("It is called {to} from then on.")).remedy(remedy);
    };
    for act in &statement.read.acts {
        match act {
            Act::Rename { kind, object, part: None, to } if kind.is_relation() => {
                if let Some(table) = ground.table(object) {
                    let new = Name { schema: Some(table.table.schema.as_str().to_owned()), name: to.clone(), at: None }.human();
                    found(object.at, table.human(), &new, format!("table = '{new}'"));
                }
            }
            Act::Rename { kind: Kind::Column, object, part: Some(column), to } => {
                let Some(table) = ground.table(object) else { continue };
                if table.columns().iter().any(|known| known.as_str() == column) {
                    found(object.at, format!("{}.{column}", table.human()), to, format!("\"{to}\" in place of \"{column}\""));
                }
            }
            Act::Rename { kind: Kind::Role, object, to, .. } if ground.is_known(&object.name) => {
                found(None, format!("role {}", object.name), to, format!("\"{to}\" in place of \"{}\" in [roles]", object.name));
            }
            Act::Rename { kind: Kind::Schema, object, to, .. } if ground.is_schema(&object.name) => {
                found(None, format!("schema {}", object.name), to, format!("the tables' schema, {to}"));
            }
            Act::Move { kind, object, to } if kind.is_relation() => {
                if let Some(table) = ground.table(object) {
                    let new = Name { schema: Some(to.clone()), name: table.table.name.as_str().to_owned(), at: None }.human();
                    found(object.at, table.human(), &new, format!("table = '{new}'"));
                }
            }
            _ => {}
        }
    }
}
