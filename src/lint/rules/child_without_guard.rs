//! Inheritance children, and protected tables that become partitions.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL026",
    file: "child_without_guard",
    severity: Error,
    title: "rows of a protected table get a place without guards",
    why: "Triggers aren't inherited: a row that is written to a child directly passes by the guard. And the siblings of a table that becomes a partition have none.",
    remedy: "Make it a partition of the protected table, or a table of its own; name the partitioned table in the manifest.",
    bad: &[
        "CREATE TABLE app.old_locations () INHERITS (app.locations);",
        "ALTER TABLE app.old_users INHERIT app.users;",
        "ALTER TABLE app.all_users ATTACH PARTITION app.users FOR VALUES IN (1);",
    ],
    good: &["CREATE TABLE app.a () INHERITS (app.orders);", "ALTER TABLE app.old_users NO INHERIT app.users;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::CreateTable { table, parents, is_partition: false, .. } => {
                for parent in parents.iter().filter_map(|parent| ground.guarded(parent)) {
                    hits.add(table.at, table.human(), format!("It is a child of {}.", parent.human()));
                }
            }
            Act::AlterTable { table, changes, .. } => {
                for change in changes {
                    match change {
                        Change::Inherit(parent) if ground.guarded(parent).is_some() => {
                            hits.add(table.at, table.human(), format!("It becomes a child of {}.", parent.human()));
                        }
                        Change::Attach(part) if ground.guarded(part).is_some() => {
                            hits.add(part.at, part.human(), format!("It becomes a partition of {}.", table.human()));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}
