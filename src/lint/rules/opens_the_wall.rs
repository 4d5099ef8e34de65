//! Grants of the key column behind a wall.

use super::prelude::*;
use crate::lint::ground::columns_of;

pub(super) const RULE: Rule = Rule {
    id: "KWL002",
    file: "opens_the_wall",
    severity: Error,
    title: "an API role gets the key column behind the wall",
    why: "With hide = \"revoke\" the key stays in its column, and privileges on every other column are all that keeps API roles from it. A privilege on the \
          whole table is one on the key too.",
    remedy: "Grant the other columns one by one, or leave it to keyward apply.",
    bad: &[
        "GRANT SELECT ON app.partners TO api_v1;",
        "GRANT UPDATE (name, token) ON app.partners TO api_v2;",
        "GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;",
        "SET search_path = app; GRANT INSERT ON partners TO api_v1;",
        "DO $$ BEGIN EXECUTE format('GRANT SELECT ON %I.partners TO %I', 'app', 'api_v1'); END $$;",
    ],
    good: &[
        "GRANT SELECT (id, account_id, name) ON app.partners TO api_v1;",
        "GRANT SELECT ON app.partners TO app_ui;",
        "GRANT SELECT ON app.locations TO api_v1;",
        "GRANT DELETE ON app.partners TO api_v1;",
        "SET search_path = public; GRANT SELECT ON partners TO api_v1;",
        "REVOKE SELECT ON app.partners FROM api_v1;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Grant(grant) = act else { continue };
        if !grant.is_grant {
            continue;
        }
        for (table, at) in ground.tables_of(grant) {
            for key in table.keys().filter(|key| key.hide == Hide::Revoke) {
                let column = key.column.as_str();
                let opens = |privilege: &&str| {
                    columns_of(grant, privilege).is_some_and(|columns| columns.is_empty() || columns.iter().any(|named| named == column))
                };
                let given: Vec<&str> = ["SELECT", "INSERT", "UPDATE"].into_iter().filter(opens).collect();
                for role in grant.roles.iter().filter(|role| !given.is_empty() && ground.reaches_api(role)) {
                    let object = format!("{}.{}", table.human(), crate::ident::human(&key.column));
                    let detail = format!("{} gets {} on {object}.", role.human(), given.join(", "));
                    hits.add(at, object, detail);
                }
            }
        }
    }
}
