//! SUPERUSER, BYPASSRLS, REPLICATION, CREATEROLE.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL007",
    file: "role_attributes",
    severity: Error,
    title: "a role of the manifest gets an attribute that passes by the walls",
    why: "A superuser passes every guard, BYPASSRLS every policy, REPLICATION reads all that is written, CREATEROLE may give itself other roles. A UI role \
          with BYPASSRLS sees every tenant's keys.",
    remedy: "Give the attribute to a role of its own that nothing of the application connects as.",
    bad: &["ALTER ROLE api_v1 SUPERUSER;", "ALTER ROLE app_ui BYPASSRLS;", "CREATE ROLE api_v2 LOGIN REPLICATION;", "ALTER USER api_v1 WITH CREATEROLE;"],
    good: &["ALTER ROLE api_v1 NOSUPERUSER NOBYPASSRLS;", "CREATE ROLE backup LOGIN REPLICATION;", "ALTER ROLE api_v1 LOGIN;"],
    check,
};

fn check(ground: &Ground<'_>, statement: &Statement, hits: &mut Hits) {
    for act in &statement.read.acts {
        let Act::RoleAttributes { role, on } = act else { continue };
        if let Some(name) = role.name().filter(|name| ground.is_known(name) && !on.is_empty()) {
            hits.add(statement.find(name), format!("role {name}"), format!("{} gets {}.", role.human(), on.join(", ")));
        }
    }
}
