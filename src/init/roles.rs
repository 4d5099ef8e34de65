//! Which roles are the web application's, the API's and the gateway's: by what they may do, what they are called, and what is connected as them.

use std::collections::BTreeSet;

use super::facts::{Facts, RoleFacts};
use super::words::{self, Part};
use crate::ident::{Ident, Table, human};

/// A role that can reach the tables in question, and what it seems to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) name: Ident,
    pub(super) part: Option<Part>,
    pub(super) evidence: String,
    /// A role of the same part that it is a member of, and so counts as.
    pub(super) covered_by: Option<Ident>,
    /// It owns the tables, and so can't be held at a distance.
    pub(super) owns: bool,
}

/// Judges the roles that may do something with the tables of the keys, or write the tables of users.
pub(super) fn judge(facts: &Facts, keys: &BTreeSet<Table>, users: &BTreeSet<Table>) -> Vec<Judged> {
    let concerned = |role: &&RoleFacts| {
        keys.iter().any(|table| role.rights.contains_key(table) || role.owns.contains(table))
            || users.iter().any(|table| role.writes(table) || role.owns.contains(table))
    };
    let mut all: Vec<_> = facts.roles.iter().filter(concerned).map(|role| one(role, facts, keys)).collect();
    let parts: Vec<_> = all.iter().map(|role| (role.name.clone(), role.part, role.owns)).collect();
    for role in &mut all {
        let groups = facts.roles.iter().find(|facts| facts.name == role.name).map(|facts| facts.member_of.as_slice());
        for group in groups.unwrap_or_default() {
            let Some((_, part, owns)) = parts.iter().find(|(name, ..)| name == group) else { continue };
            if *owns {
                continue;
            }
            // A login without a telling name is what its group is.
            role.part = role.part.or(*part);
            if part.is_some() && role.part == *part {
                role.covered_by = Some(group.clone());
            }
        }
    }
    all
}

fn one(role: &RoleFacts, facts: &Facts, keys: &BTreeSet<Table>) -> Judged {
    let sessions = facts.sessions.iter().find(|sessions| sessions.role == role.name);
    let applications = sessions.map(|sessions| sessions.applications.as_slice()).unwrap_or_default();
    let by_application = applications.iter().find_map(|name| words::part(name));
    let mut part = words::part(role.name.as_str()).or(by_application);
    let writes = role.rights.keys().any(|table| role.writes(table));
    let reads_a_key = keys.iter().any(|table| role.may("SELECT", table));
    if part == Some(Part::Auth) && writes {
        // A gateway that writes is the API itself.
        part = Some(Part::Api);
    }
    let mut said = vec![if role.can_login { "logs in" } else { "is a group" }.to_owned()];
    let of = |wanted: &dyn Fn(&Table) -> bool, what: &str| {
        let tables: Vec<_> = role.rights.keys().filter(|table| wanted(table)).map(Table::human).collect();
        (!tables.is_empty()).then(|| format!("{what} {}", tables.join(", ")))
    };
    if !role.owns.is_empty() {
        said.push(format!("owns {}", role.owns.iter().map(Table::human).collect::<Vec<_>>().join(", ")));
    } else if writes || reads_a_key {
        said.extend(of(&|table| role.may("SELECT", table) && !role.writes(table), "reads"));
        said.extend(of(&|table| role.writes(table), "writes"));
    }
    if !role.member_of.is_empty() {
        said.push(format!("is a member of {}", role.member_of.iter().map(human).collect::<Vec<_>>().join(", ")));
    }
    if let Some(sessions) = sessions {
        // A name that an application gives itself may hold anything; this one is a word.
        let plain = |name: &&String| name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphabetic() || "-_ .".contains(c));
        let names: Vec<_> = applications.iter().filter(plain).map(|name| format!("{name:?}")).collect();
        let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        said.push(format!("has {} sessions now{names}", sessions.sessions));
    }
    Judged { name: role.name.clone(), part, evidence: said.join("; "), covered_by: None, owns: !role.owns.is_empty() }
}

/// Returns those of some roles that are of the past: by a word, or because a newer version of them is there too.
pub(super) fn legacy<'a>(roles: &[&'a Ident]) -> Vec<&'a Ident> {
    let is_old = |role: &Ident| {
        words::is_legacy(role.as_str())
            || words::version(role.as_str()).is_some_and(|(stem, number)| {
                roles.iter().filter_map(|other| words::version(other.as_str())).any(|other| other.0 == stem && other.1 > number)
            })
    };
    roles.iter().copied().filter(|role| is_old(role)).collect()
}
