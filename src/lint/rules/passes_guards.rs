//! TRIGGER, REFERENCES and TRUNCATE for API roles.

use super::prelude::*;
use crate::lint::ground::columns_of;

pub(super) const RULE: Rule = Rule {
    id: "KWL001",
    file: "passes_guards",
    severity: Error,
    title: "an API role gets a privilege that passes by the guards",
    why: "TRIGGER lets a role see what others write, REFERENCES lets it guess values, TRUNCATE passes by row triggers and policies. keyward apply has \
          taken them from API roles; ALL gives them back.",
    remedy: "Grant one by one what the role needs: SELECT, INSERT, UPDATE, DELETE.",
    bad: &[
        "GRANT ALL ON app.locations TO api_v1;",
        "GRANT DELETE, TRUNCATE ON ALL TABLES IN SCHEMA app TO api_v2;",
        "GRANT TRIGGER ON app.users TO PUBLIC;",
        "CREATE ROLE readers; GRANT readers TO api_v1; GRANT TRUNCATE ON app.users TO readers;",
    ],
    good: &[
        "GRANT SELECT, INSERT, UPDATE, DELETE ON app.locations TO api_v1;",
        "GRANT ALL ON app.locations TO app_ui;",
        "GRANT ALL ON app.orders TO api_v1;",
        "GRANT REFERENCES (id) ON app.locations TO api_v1;",
    ],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::Grant(grant) = act else { continue };
        if !grant.is_grant {
            continue;
        }
        for (table, at) in ground.tables_of(grant).into_iter().filter(|(table, _)| table.is_guarded()) {
            let has_rows = table.keys().next().is_some() || table.writes().next().is_some();
            let dangerous: &[&str] = if has_rows { &["REFERENCES", "TRIGGER", "TRUNCATE"] } else { &["TRIGGER"] };
            let given: Vec<&str> = dangerous.iter().copied().filter(|privilege| columns_of(grant, privilege).is_some_and(<[String]>::is_empty)).collect();
            for role in grant.roles.iter().filter(|role| !given.is_empty() && ground.reaches_api(role)) {
                let detail = format!("{} gets {} on {}.", role.human(), given.join(", "), table.human());
                hits.add(at, table.human(), detail);
            }
        }
    }
}
