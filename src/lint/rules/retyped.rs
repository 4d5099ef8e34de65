//! Other types for the manifest's columns.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL036",
    file: "retyped",
    severity: Warning,
    title: "a column that the manifest names gets another type",
    why: "The vault's columns and the functions' arguments have the old one: writes may fail, and a vault that holds keys isn't rebuilt by itself.",
    remedy: "Run keyward plan against a copy of the database first, and keyward apply right after the migration.",
    bad: &["ALTER TABLE app.locations ALTER COLUMN api_key TYPE varchar(64);", "ALTER TABLE app.users ALTER account_id SET DATA TYPE uuid USING gen_random_uuid();"],
    good: &["ALTER TABLE app.locations ALTER COLUMN name TYPE varchar(64);"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        let Some(protected) = ground.table(table) else { continue };
        for change in changes {
            if let Change::SetType(column) = change
                && protected.columns().iter().any(|known| known.as_str() == column)
            {
                hits.add(statement.find(column), format!("{}.{column}", protected.human()), "");
            }
        }
    }
}
