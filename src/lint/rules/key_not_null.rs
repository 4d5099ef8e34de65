//! NOT NULL on key columns.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL032",
    file: "key_not_null",
    severity: Error,
    title: "the key column refuses NULL again",
    why: "A key that is sealed or withheld leaves NULL in its row: with the constraint, rows of accounts whose setting is on can't be written, and nothing can be sealed.",
    remedy: "Leave the constraint out.",
    bad: &[
        "ALTER TABLE app.locations ALTER COLUMN api_key SET NOT NULL;",
        "ALTER TABLE app.locations ADD CONSTRAINT has_key CHECK (api_key IS NOT NULL AND length(api_key) > 8) NOT VALID;",
        "ALTER TABLE app.partners ADD PRIMARY KEY (token);",
    ],
    good: &[
        "ALTER TABLE app.locations ALTER COLUMN api_key DROP NOT NULL;",
        "ALTER TABLE app.locations ALTER COLUMN name SET NOT NULL;",
        "ALTER TABLE app.locations ADD CONSTRAINT long CHECK (api_key IS NULL OR length(api_key) > 8) NOT VALID;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        let Some(protected) = ground.table(table) else { continue };
        for change in changes {
            let columns = match change {
                Change::SetNotNull(column) => vec![column],
                Change::AddConstraint(Constraint::RefusesNull(columns)) => columns.iter().collect(),
                Change::AddColumn(column) if column.is_not_null => vec![&column.name],
                _ => continue,
            };
            for column in columns.into_iter().filter(|column| protected.key(column).is_some()) {
                hits.add(statement.find(column), format!("{}.{column}", protected.human()), "");
            }
        }
    }
}
