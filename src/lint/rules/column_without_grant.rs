//! New columns behind a wall.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL037",
    file: "column_without_grant",
    severity: Error,
    title: "a column is added behind the wall without its grants",
    why: "With hide = \"revoke\" API roles hold privileges on columns, not on the table: a new one can't be read or written by them until it is granted.",
    remedy: "Grant the column to the API roles in the same migration, or run keyward apply right after it.",
    bad: &["ALTER TABLE app.partners ADD COLUMN phone text;"],
    good: &[
        "ALTER TABLE app.partners ADD COLUMN phone text; GRANT SELECT (phone), INSERT (phone), UPDATE (phone) ON app.partners TO api_v1, api_v2;",
        "ALTER TABLE app.locations ADD COLUMN phone text;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        match act {
            Act::AlterTable { table, changes, .. } => {
                let walled = ground.table(table).filter(|table| table.keys().any(|key| key.hide == Hide::Revoke));
                let Some(protected) = walled else { continue };
                for change in changes {
                    if let Change::AddColumn(column) = change
                        && protected.key(&column.name).is_none()
                    {
                        let column_name = Name { name: column.name.clone(), ..Name::default() }.human();
                        let api: Vec<&str> = ground.manifest.roles.api.iter().map(crate::ident::Ident::as_str).collect();
                        let grant = ["SELECT", "INSERT", "UPDATE"].map(|privilege| format!("{privilege} ({column_name})")).join(", ");
                        let remedy = format!("GRANT {grant} ON {} TO {}; or run keyward apply right after the migration.", protected.human(), api.join(", "));
                        hits.add(column.at, format!("{}.{}", protected.human(), column.name), "").remedy(remedy);
                    }
                }
            }
            Act::Grant(grant) if grant.is_grant && grant.roles.iter().any(|role| ground.reaches_api(role)) => {
                for (table, _) in ground.tables_of(grant) {
                    for column in grant.privileges.iter().flat_map(|(_, columns)| columns) {
                        hits.mend(format!("{}.{column}", table.human()));
                    }
                }
            }
            _ => {}
        }
    }
}
