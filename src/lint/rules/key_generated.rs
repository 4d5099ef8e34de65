//! Generated key columns.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL031",
    file: "key_generated",
    severity: Error,
    title: "the key column becomes a generated one",
    why: "It is computed after the guard has run, so every row has a key and none can be sealed. keyward refuses to be applied to it.",
    remedy: "Make it an ordinary column: ALTER TABLE … ALTER COLUMN … DROP EXPRESSION.",
    bad: &[
        "ALTER TABLE app.locations ADD COLUMN api_key text GENERATED ALWAYS AS (md5(name)) STORED;",
        "CREATE TABLE app.locations (id bigint, account_id bigint, api_key text GENERATED ALWAYS AS ('k' || id) STORED);",
    ],
    good: &["ALTER TABLE app.locations ADD COLUMN slug text GENERATED ALWAYS AS (lower(name)) STORED;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let (table, columns): (_, Vec<_>) = match act {
            Act::CreateTable { table, columns, .. } => {
                (table, columns.iter().filter(|column| column.is_generated).map(|column| (&column.name, column.at)).collect())
            }
            Act::AlterTable { table, changes, .. } => {
                let generated = changes.iter().filter_map(|change| match change {
                    Change::AddColumn(column) if column.is_generated => Some((&column.name, column.at)),
                    Change::SetGenerated(column) => Some((column, statement.find(column))),
                    _ => None,
                });
                (table, generated.collect())
            }
            _ => continue,
        };
        let Some(protected) = ground.table(table) else { continue };
        for (column, at) in columns.into_iter().filter(|(column, _)| protected.key(column).is_some()) {
            hits.add(at, format!("{}.{column}", protected.human()), "");
        }
    }
}
