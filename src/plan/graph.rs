//! The role graph: who can act as whom, and whether that makes enforcement advisory.

use std::collections::{BTreeMap, VecDeque};

use super::finding::{Finding, Severity};
use crate::catalog::{Membership, Snapshot};
use crate::ident::{Ident, human};
use crate::manifest::Manifest;

/// Returns the findings on the roles: whatever lets an API or legacy role, or a login that acts as one, be somebody else.
pub(super) fn findings(manifest: &Manifest, snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut restricted: Vec<&Ident> = manifest.roles.api.iter().collect();
    restricted.extend(manifest.writes.iter().flat_map(|write| &write.roles));
    restricted.sort();
    restricted.dedup();
    let mut privileged: Vec<&Ident> = manifest.roles.ui.iter().collect();
    privileged.push(&manifest.roles.owner);

    for role in &restricted {
        attributes(role, snapshot, &mut found);
        ownership(role, manifest, snapshot, &mut found);
        let reach = reach(snapshot, role.as_str(), |membership| membership.can_set || membership.inherits);
        if let Some(chain) = reach.get("pg_write_all_data") {
            found.push(
                Finding::new(
                    Severity::Refusal,
                    "writes_all_data",
                    role.as_str(),
                    format!("{} has pg_write_all_data", human(role)),
                )
                .because(format!("It writes every table without a grant, keyward's own among them ({}).", arrows(chain)))
                .remedy(format!("REVOKE pg_write_all_data FROM {role};")),
            );
        }
        triggers_of_groups(role, &reach, snapshot, &mut found);
        become_privileged(role.as_str(), role, &reach, &privileged, snapshot, &mut found);
    }

    // A login that acts as a restricted role now, and as a privileged one after SET ROLE (or all the time).
    for login in snapshot.roles.values().filter(|role| role.can_login && !role.is_superuser) {
        let exempt = login.name == snapshot.server.login
            || login.name == snapshot.server.runner.as_str()
            || login.name == manifest.roles.owner.as_str();
        if exempt || restricted.iter().chain(&privileged).any(|role| role.as_str() == login.name) {
            continue;
        }
        let reach = reach(snapshot, &login.name, |membership| membership.can_set || membership.inherits);
        if let Some(acts_as) = restricted.iter().find(|role| reach.contains_key(role.as_str())) {
            become_privileged(&login.name, acts_as, &reach, &privileged, snapshot, &mut found);
        }
    }
    found
}

fn attributes(role: &Ident, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let Some(attributes) = snapshot.roles.get(role.as_str()) else { return };
    if attributes.is_superuser {
        found.push(
            Finding::new(Severity::Refusal, "superuser", role.as_str(), format!("{} is a superuser", human(role)))
                .because("No trigger, policy or privilege holds a superuser.")
                .remedy(format!("ALTER ROLE {role} NOSUPERUSER;")),
        );
    }
    if attributes.bypasses_rls {
        found.push(
            Finding::new(Severity::Warning, "bypasses_rls", role.as_str(), format!("{} has BYPASSRLS", human(role)))
                .because("Row-level security doesn't hold it; the triggers, and the vault's missing grants, do.")
                .remedy(format!("ALTER ROLE {role} NOBYPASSRLS;")),
        );
    }
    if attributes.may_create_roles && snapshot.server.major() < 16 {
        found.push(
            Finding::new(Severity::Refusal, "creates_roles", role.as_str(), format!("{} has CREATEROLE", human(role)))
                .because(
                    "Up to PostgreSQL 15, CREATEROLE may grant itself any role that is not a superuser, the UI role among them.",
                )
                .remedy(format!("ALTER ROLE {role} NOCREATEROLE;")),
        );
    }
}

/// TRIGGER on a table that comes by way of a group: apply takes it from the role itself only.
fn triggers_of_groups(role: &Ident, reach: &BTreeMap<String, Vec<String>>, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    for (name, relation) in &snapshot.tables {
        for (group, chain) in reach.iter().filter(|(group, _)| group.as_str() != relation.owner.as_str()) {
            let on = std::iter::once(name).filter(|_| relation.grants(group, "TRIGGER", None));
            let on = on.chain(relation.partitions.iter().filter(|part| relation.grants_on_part(part, group, "TRIGGER")));
            for table in on {
                let quoted = Ident::new(group.as_str()).map(|ident| ident.to_string()).unwrap_or_default();
                found.push(
                    Finding::new(
                        Severity::Refusal,
                        "holds_trigger",
                        format!("{} {}", role.as_str(), table.human()),
                        format!("{} may put triggers on {}", human(role), table.human()),
                    )
                    .because(format!("A trigger runs as whoever writes next, the UI among them ({}).", arrows(chain)))
                    .remedy(format!("REVOKE TRIGGER ON {table} FROM {quoted};")),
                );
            }
        }
    }
}

fn ownership(role: &Ident, manifest: &Manifest, snapshot: &Snapshot, found: &mut Vec<Finding>) {
    let reach = reach(snapshot, role.as_str(), |membership| membership.can_set || membership.inherits);
    for (name, relation) in &snapshot.tables {
        let protected = manifest.keys.iter().any(|key| key.table == *name)
            || manifest.writes.iter().any(|write| write.table == *name)
            || manifest.accounts.table == *name;
        let owns = relation.owner == *role || reach.contains_key(relation.owner.as_str());
        if protected && owns {
            found.push(
                Finding::new(
                    Severity::Refusal,
                    "owns_table",
                    format!("{} {}", role.as_str(), name.human()),
                    format!("{} owns {}", human(role), name.human()),
                )
                .because("The owner of a table may disable its triggers and drop its policies.")
                .remedy(if relation.owner == *role {
                    format!("ALTER TABLE {name} OWNER TO another_role;")
                } else {
                    format!("REVOKE {} FROM {role};", relation.owner)
                }),
            );
        }
    }
}

fn become_privileged(
    who: &str,
    acts_as: &Ident,
    reach: &BTreeMap<String, Vec<String>>,
    privileged: &[&Ident],
    snapshot: &Snapshot,
    found: &mut Vec<Finding>,
) {
    for target in privileged {
        if let Some(chain) = reach.get(target.as_str()) {
            let last = chain.len().checked_sub(2).and_then(|at| chain.get(at)).map_or(who, String::as_str);
            let quoted = Ident::new(last).map(|ident| ident.to_string()).unwrap_or_default();
            found.push(
                Finding::new(
                    Severity::Refusal,
                    "can_become",
                    format!("{who} {}", target.as_str()),
                    format!("{who:?} can act as {}", human(target)),
                )
                .because(
                    format!(
                        "{} Connected as {who:?}, one statement turns the API into {}: {}.",
                        if acts_as.as_str() == who { String::new() } else { format!("{who:?} acts as {}.", human(acts_as)) },
                        human(target),
                        arrows(chain)
                    )
                    .trim_start()
                    .to_owned(),
                )
                .remedy(format!("REVOKE {target} FROM {quoted}; give the UI a login of its own")),
            );
        }
    }
    // Up to 15, a CREATEROLE on the way grants itself anything.
    if snapshot.server.major() < 16 && acts_as.as_str() != who {
        for (role, chain) in reach {
            if snapshot.roles.get(role).is_some_and(|role| role.may_create_roles) {
                found.push(
                    Finding::new(
                        Severity::Warning,
                        "reaches_createrole",
                        format!("{who} {role}"),
                        format!("{who:?} can act as {role:?}, which has CREATEROLE"),
                    )
                    .because(format!("Up to PostgreSQL 15 it may grant itself the UI role: {}.", arrows(chain)))
                    .remedy("Take CREATEROLE, or the membership, away."),
                );
            }
        }
    }
}

/// Returns every role that a role can act as, each with the chain that leads there, itself first.
pub(super) fn reach(snapshot: &Snapshot, from: &str, passes: impl Fn(&Membership) -> bool) -> BTreeMap<String, Vec<String>> {
    let mut chains = BTreeMap::new();
    let mut queue = VecDeque::from([vec![from.to_owned()]]);
    while let Some(chain) = queue.pop_front() {
        let Some(role) = chain.last().and_then(|name| snapshot.roles.get(name)) else { continue };
        for membership in role.member_of.iter().filter(|membership| passes(membership)) {
            if membership.role != from && !chains.contains_key(&membership.role) {
                let longer = [chain.clone(), vec![membership.role.clone()]].concat();
                chains.insert(membership.role.clone(), longer.clone());
                queue.push_back(longer);
            }
        }
    }
    chains
}

pub(super) fn arrows(chain: &[String]) -> String {
    chain.join(" → ")
}
