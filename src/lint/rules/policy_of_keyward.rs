//! Policies of keyward's, and others on its tables.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL021",
    file: "policy_of_keyward",
    severity: Error,
    title: "a policy of keyward's is dropped or altered, or one is added to its tables",
    why: "Policies decide which rows of the vault a UI role sees, and what a legacy role may insert. Permissive ones add up: another one opens what keyward's \
          close.",
    remedy: "Leave them alone: the manifest decides, and keyward apply makes them.",
    bad: &[
        "DROP POLICY \"~keyward_legacy_users_insert\" ON app.users;",
        "ALTER POLICY \"~keyward_legacy_users_update\" ON app.users TO nobody;",
        "CREATE POLICY everybody ON keyward.vault_location_api_key USING (true);",
        "ALTER POLICY \"~keyward_legacy_users_pass\" ON app.users RENAME TO pass;",
    ],
    good: &["CREATE POLICY tenant ON app.users USING (account_id = 1);", "DROP POLICY tenant ON app.users;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    let mut found = |table: &Name, policy: &str, what: &str| {
        if super::is_of_keyward(policy) || ground.is_own(table) {
            hits.add(table.at, format!("policy {policy} on {}", table.human()), format!("It is {what}."));
        }
    };
    for act in &statement.read.acts {
        match act {
            Act::Policy { name, table, is_new } => found(table, name, if *is_new { "created" } else { "altered" }),
            Act::Drop { kind: Kind::Policy, objects, .. } => {
                for (table, policy) in objects {
                    found(table, policy.as_deref().unwrap_or_default(), "dropped");
                }
            }
            Act::Rename { kind: Kind::Policy, object, part: Some(policy), .. } => found(object, policy, "renamed"),
            _ => {}
        }
    }
}
