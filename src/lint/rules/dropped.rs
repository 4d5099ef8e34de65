//! Drops of what the manifest names.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL035",
    file: "dropped",
    severity: Error,
    title: "something that the manifest names is dropped",
    why: "Its guards go with it, sealed keys lose their rows, and what keyward's functions look up isn't there: writes to other protected tables may fail.",
    remedy: "Take it out of the manifest first, and run keyward apply: keys are published, and guards removed in order.",
    bad: &[
        "DROP TABLE app.locations;",
        "DROP TABLE IF EXISTS app.orders, users CASCADE;",
        "ALTER TABLE app.users DROP COLUMN account_id;",
        "DROP SCHEMA app CASCADE;",
        "DROP ROLE api_v1;",
        "DROP OWNED BY app_ui;",
    ],
    good: &["DROP TABLE app.orders;", "ALTER TABLE app.locations DROP COLUMN name;", "DROP ROLE worker;", "SET search_path = billing; DROP TABLE users;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::Drop { kind, objects, .. } if kind.is_relation() => {
                for table in objects.iter().filter_map(|(object, _)| ground.table(object)) {
                    hits.add(statement.find(table.table.name.as_str()), table.human(), "");
                }
            }
            Act::Drop { kind: Kind::Schema, objects, .. } => {
                for (object, _) in objects.iter().filter(|(object, _)| ground.is_schema(&object.name)) {
                    hits.add(statement.find(&object.name), format!("schema {}", object.human()), "");
                }
            }
            Act::Drop { kind: Kind::Role, objects, .. } => {
                for (object, _) in objects.iter().filter(|(object, _)| ground.is_known(&object.name)) {
                    hits.add(statement.find(&object.name), format!("role {}", object.human()), "");
                }
            }
            Act::DropOwned(roles) => {
                for role in roles.iter().filter(|role| role.name().is_some_and(|name| ground.is_known(name))) {
                    hits.add(None, format!("role {}", role.human()), "It loses its privileges, keyward's among them.");
                }
            }
            Act::AlterTable { table, changes, .. } => {
                let Some(protected) = ground.table(table) else { continue };
                for change in changes {
                    if let Change::DropColumn(column) = change
                        && protected.columns().iter().any(|known| known.as_str() == column)
                    {
                        hits.add(statement.find(column), format!("{}.{column}", protected.human()), "");
                    }
                }
            }
            _ => {}
        }
    }
}
