//! Defaults of key columns.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL030",
    file: "key_default",
    severity: Warning,
    title: "a default makes a key",
    why: "Every new row gets a key that nobody asked for. The guard strips it where the setting is on; everywhere else, and while the policy observes, it stays.",
    remedy: "Leave the default out: keys are made by keyward.generate_….",
    bad: &[
        "ALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT gen_random_uuid()::text;",
        "ALTER TABLE app.partners ADD COLUMN IF NOT EXISTS token text DEFAULT md5(random()::text);",
    ],
    good: &[
        "ALTER TABLE app.locations ALTER COLUMN api_key DROP DEFAULT;",
        "ALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT NULL;",
        "ALTER TABLE app.locations ALTER COLUMN name SET DEFAULT 'x';",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::AlterTable { table, changes, .. } = act else { continue };
        let Some(protected) = ground.table(table) else { continue };
        for change in changes {
            let (column, at) = match change {
                Change::SetDefault(column) => (column, statement.find(column)),
                Change::AddColumn(column) if column.has_default => (&column.name, column.at),
                _ => continue,
            };
            if protected.key(column).is_some() {
                hits.add(at, format!("{}.{column}", protected.human()), "");
            }
        }
    }
}
