//! New partitions of protected tables.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL027",
    file: "new_partition",
    severity: Warning,
    title: "a protected table gets a partition",
    why: "Row guards come along with it; the guard against TRUNCATE doesn't, until keyward apply. The keys of rows that are attached stay published until \
          rollout finish.",
    remedy: "Run keyward apply after the migration; after ATTACH PARTITION keyward rollout finish, too.",
    bad: &[
        "CREATE TABLE app.locations_2 PARTITION OF app.locations FOR VALUES IN (2);",
        "ALTER TABLE app.locations ATTACH PARTITION app.locations_old FOR VALUES IN (3);",
    ],
    good: &[
        "CREATE TABLE app.orders_2 PARTITION OF app.orders FOR VALUES IN (2);",
        "ALTER TABLE app.locations DETACH PARTITION app.locations_old CONCURRENTLY;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::CreateTable { table, parents, is_partition: true, .. } => {
                for parent in parents.iter().filter_map(|parent| ground.guarded(parent)) {
                    hits.add(table.at, table.human(), format!("It is a partition of {}.", parent.human()));
                }
            }
            Act::AlterTable { table, changes, .. } if ground.guarded(table).is_some() => {
                for change in changes {
                    if let Change::Attach(part) = change {
                        // Its rows come with the keys that they have.
                        hits.add(part.at, part.human(), format!("It is attached to {}.", table.human())).severity(Error);
                    }
                }
            }
            _ => {}
        }
    }
}
