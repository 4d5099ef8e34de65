//! Ownership of protected objects.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL008",
    file: "api_role_owns",
    severity: Error,
    title: "an API role becomes the owner of what is protected, or somebody the owner of what is keyward's",
    why: "An owner may drop the guards, passes row-level security and grants itself whatever was revoked.",
    remedy: "Let a role own it that nothing connects as.",
    bad: &[
        "ALTER TABLE app.locations OWNER TO api_v1;",
        "ALTER SCHEMA app OWNER TO api_v2;",
        "REASSIGN OWNED BY app_owner TO api_v1;",
        "ALTER TABLE keyward.vault_location_api_key OWNER TO app_owner;",
        "ALTER FUNCTION keyward.reveal_location_api_key(bigint) OWNER TO app_owner;",
    ],
    good: &["ALTER TABLE app.locations OWNER TO app_owner;", "ALTER TABLE app.orders OWNER TO api_v1;", "REASSIGN OWNED BY api_v1 TO app_owner;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    let is_api = |role: &Role| matches!(role, Role::Named(_)) && ground.reaches_api(role);
    let is_stranger = |role: &Role| role.name().is_none_or(|name| !ground.is_owner(name));
    for act in &statement.read.acts {
        match act {
            Act::AlterTable { table, changes, .. } => {
                for to in changes.iter().filter_map(|change| if let Change::Owner(to) = change { Some(to) } else { None }) {
                    let protected = ground.table(table).is_some() && is_api(to);
                    if protected || (ground.is_own(table) && is_stranger(to)) {
                        hits.add(table.at, table.human(), format!("{} becomes its owner.", to.human()));
                    }
                }
            }
            Act::Owner { kind, object, to } => {
                let is_schema = *kind == Kind::Schema;
                let own = if is_schema { object.name == SCHEMA } else { ground.is_own(object) };
                let protected = if is_schema { ground.is_schema(&object.name) } else { ground.table(object).is_some() && kind.is_relation() };
                if (protected && is_api(to)) || (own && is_stranger(to)) {
                    hits.add(object.at, format!("{} {}", kind.as_str(), object.human()), format!("{} becomes its owner.", to.human()));
                }
            }
            Act::Reassign { to, .. } if is_api(to) => {
                hits.add(None, format!("role {}", to.human()), format!("{} becomes the owner of whatever it was.", to.human()));
            }
            _ => {}
        }
    }
}
