//! Who can become whom, beyond what the plan refuses: shown as the chain that makes it possible.

use std::collections::BTreeMap;

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::audit::sql::{acting, restricted};
use crate::ident::Ident;
use crate::plan::{affected, arrows, reach};

pub(super) const RULES: &[Declared] = &[
    (
        "KW210",
        Severity::Warning,
        "an API role has pg_read_all_data",
        "It reads every table without a grant. The vault's row-level security still yields nothing, but keyward's events and settings do, and so does \
         every copy of a key elsewhere.",
        "Revoke the membership.",
    ),
    (
        "KW213",
        Severity::Error,
        "an API role may grant itself a privileged one",
        "With ADMIN OPTION one statement makes it a member: of the UI role, or of keyward's owner.",
        "Revoke the admin option.",
    ),
    (
        "KW219",
        Severity::Warning,
        "a login can become keyward's owner",
        "Whoever acts as keyward's owner reads every sealed key, and changes every setting.",
        "Revoke the membership, unless this login applies keyward.",
    ),
    (
        "KW225",
        Severity::Warning,
        "an API role sees the statements of others",
        "pg_read_all_stats shows what every session runs, in pg_stat_activity with its constants: the key that the UI writes among them.",
        "Revoke the membership.",
    ),
    (
        "KW228",
        Severity::Warning,
        "an API role can become a role that authenticates",
        "keyward.authenticate_<key> tells whether a guessed key exists, and whose it is.",
        "Revoke the membership; let the gateway authenticate.",
    ),
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let (manifest, snapshot) = (ground.manifest, ground.snapshot);
    let privileged: Vec<&Ident> = manifest.roles.ui.iter().chain([&manifest.roles.owner]).collect();
    let quoted = |name: &str| Ident::new(name).map(|name| name.to_string()).unwrap_or_default();
    let mut found = Vec::new();
    for role in &acting(manifest, snapshot) {
        if snapshot.roles.get(role).is_some_and(|role| role.is_superuser) {
            continue;
        }
        let acts = reach(snapshot, role, |membership| membership.can_set || membership.inherits);
        let grants = reach(snapshot, role, |membership| membership.can_set || membership.inherits || membership.is_admin);
        let mut say = |id: &str, chain: &[String]| {
            let (last, target) = match chain {
                [.., last, target] => (last.as_str(), target.as_str()),
                _ => return,
            };
            let remedy = format!("REVOKE {} FROM {};", quoted(target), quoted(last));
            found.push(Finding::new(id, format!("{role} → {target}"), format!("{}.", arrows(chain))).remedy(remedy));
        };
        for (predefined, id) in [("pg_read_all_data", "KW210"), ("pg_read_all_stats", "KW225")] {
            // before a wall it is worse, which the plan says
            let told = predefined == "pg_read_all_data" && affected(manifest, snapshot).contains(role);
            if let Some(chain) = acts.get(predefined).filter(|_| !told) {
                say(id, chain);
            }
        }
        for target in &privileged {
            if let (None, Some(chain)) = (acts.get(target.as_str()), grants.get(target.as_str())) {
                say("KW213", chain);
            }
        }
        let authenticates = |role: &str| manifest.roles.auth.iter().any(|auth| auth.as_str() == role);
        for target in manifest.roles.auth.iter().filter(|_| !authenticates(role)) {
            if let Some(chain) = acts.get(target.as_str()) {
                say("KW228", chain);
            }
        }
    }
    found.extend(owners(ground));
    found
}

/// The logins that reach keyward's owner, but for those that own the tables anyway, and the one that is connected.
fn owners(ground: &Ground<'_>) -> Vec<Finding> {
    let snapshot = ground.snapshot;
    let owner = &ground.manifest.roles.owner;
    let restricted = restricted(ground.manifest);
    let mut found = Vec::new();
    for login in snapshot.roles.values().filter(|role| role.can_login && !role.is_superuser) {
        let acts: BTreeMap<_, _> = reach(snapshot, &login.name, |membership| membership.can_set || membership.inherits);
        let owns =
            snapshot.tables.values().any(|table| table.owner.as_str() == login.name || acts.contains_key(table.owner.as_str()));
        let expected =
            owns || login.name == owner.as_str() || login.name == snapshot.server.login || restricted.contains(&login.name);
        if let Some(chain) = acts.get(owner.as_str()).filter(|_| !expected) {
            let quoted = Ident::new(login.name.as_str()).map(|name| name.to_string()).unwrap_or_default();
            found.push(
                Finding::new("KW219", login.name.as_str(), format!("{}.", arrows(chain)))
                    .remedy(format!("REVOKE {owner} FROM {quoted}; -- or from the role in between")),
            );
        }
    }
    found
}
