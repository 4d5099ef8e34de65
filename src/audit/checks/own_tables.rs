//! The tables of the schema keyward: who may do what with them, and whether their row-level security is what it was.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;

pub(super) const RULES: &[Declared] = &[
    (
        "KW131",
        Severity::Error,
        "row-level security is off on a table of keyward's",
        "Whoever was granted the table sees all of it: every tenant's keys, or settings.",
        "Run keyward apply, or ALTER TABLE … ENABLE ROW LEVEL SECURITY.",
    ),
    (
        "KW132",
        Severity::Error,
        "row-level security is not forced on a vault",
        "Without FORCE, whatever runs as keyward's owner passes by the policies.",
        "Run keyward apply, or ALTER TABLE … FORCE ROW LEVEL SECURITY.",
    ),
    (
        "KW133",
        Severity::Error,
        "a policy on a table of keyward's was dropped or altered",
        "It decides which rows a UI role sees, or whether keyward's owner can move keys.",
        "Run keyward apply.",
    ),
    (
        "KW134",
        Severity::Error,
        "somebody added a policy to a table of keyward's",
        "Permissive policies add up: it opens rows that keyward's policies close. A restrictive one hides rows from keyward itself.",
        "Drop it.",
    ),
    (
        "KW135",
        Severity::Error,
        "somebody else may use a table of keyward's",
        "The vault's policies still hold, but the other tables tell who did what with which key, and whoever may write them changes settings, \
         or what keyward believes to be installed.",
        "Run keyward apply, or revoke what keyward didn't grant.",
    ),
    (
        "KW136",
        Severity::Error,
        "a table of keyward's belongs to somebody else",
        "Its owner may switch off its row-level security, and grant it to anybody.",
        "ALTER TABLE … OWNER TO keyward's owner.",
    ),
    (
        "KW137",
        Severity::Error,
        "the schema keyward is open to others",
        "With CREATE one puts functions beside keyward's, with USAGE one reaches what is granted there; its owner may drop everything in it.",
        "Run keyward apply, or revoke what keyward didn't grant.",
    ),
];

/// What the catalogue said of the access to a table: row-level security, privileges, policies.
#[derive(Debug, Default, PartialEq, Eq)]
struct Access<'a> {
    has_rls: bool,
    forces_rls: bool,
    grants: BTreeSet<&'a str>,
    policies: BTreeMap<&'a str, String>,
}

/// Reads the definition of `sql/catalog/objects.sql`: two flags, privileges, then a policy a paragraph.
fn access(definition: &str) -> Access<'_> {
    let mut access = Access::default();
    let mut last: Option<&str> = None;
    for (at, line) in definition.lines().enumerate() {
        match (at, policy_name(line)) {
            (0, _) => access.has_rls = line == "t",
            (1, _) => access.forces_rls = line == "t",
            (_, Some(name)) => {
                access.policies.insert(name, line.to_owned());
                last = Some(name);
            }
            (_, None) => match last {
                Some(name) => {
                    let policy = access.policies.entry(name).or_default();
                    policy.push('\n');
                    policy.push_str(line);
                }
                None => access.grants.extend(line.split(' ')),
            },
        }
    }
    access
}

/// A policy begins with its name, its command (one letter or `*`), and whether it is permissive.
fn policy_name(line: &str) -> Option<&str> {
    let words: Vec<&str> = line.split(' ').collect();
    let at = words.windows(2).position(|pair| matches!(pair, ["r" | "a" | "w" | "d" | "*", "t" | "f"]))?;
    let length = words[..at].iter().map(|word| word.len() + 1).sum::<usize>();
    (at > 0).then(|| &line[..length - 1])
}

/// Returns the owner that a table's definition names behind its kind; the one that is expected may have a line break in it.
fn owner_in<'a>(definition: &'a str, expected: &'a str) -> &'a str {
    let rest = definition.split_once('\n').map_or("", |(_, rest)| rest);
    let is_it = rest.strip_prefix(expected).is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'));
    if is_it { expected } else { rest.lines().next().unwrap_or_default() }
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    if !ground.is_applied() {
        return Vec::new();
    }
    let owner = ground.manifest.roles.owner.as_str();
    let mut found = Vec::new();
    for (identity, object) in &ground.snapshot.objects {
        if let Some(table) = identity.strip_prefix("table ") {
            let recorded = ground.snapshot.recorded(identity).map(|recorded| owner_in(&recorded.definition, owner));
            let now = owner_in(&object.definition, owner);
            if now != recorded.unwrap_or(owner) {
                let remedy = format!("ALTER TABLE {table} OWNER TO {};", ground.manifest.roles.owner);
                found.push(Finding::new("KW136", crate::ident::plain(table), format!("Its owner is {now}.")).remedy(remedy));
            }
        } else if identity == "access schema keyward" {
            if let Some(recorded) = ground.snapshot.recorded(identity).filter(|recorded| recorded.definition != object.definition)
            {
                schema(ground, &object.definition, &recorded.definition, &mut found);
            }
        } else if let Some(table) = identity.strip_prefix("access ") {
            let recorded = ground.snapshot.recorded(identity).map(|recorded| access(&recorded.definition));
            let now = access(&object.definition);
            compare(ground, table, &now, recorded.as_ref(), &mut found);
        }
    }
    found
}

fn compare(ground: &Ground<'_>, table: &str, now: &Access<'_>, was: Option<&Access<'_>>, found: &mut Vec<Finding>) {
    let object = crate::ident::plain(table);
    let after = ground.after();
    let mut add =
        |id: &str, object: String, detail: String, remedy: String| found.push(Finding::new(id, object, detail).remedy(remedy));
    let nothing = Access::default();
    // A grant that keyward had made is made again by apply.
    let again = if was.is_some() { " -- then keyward apply" } else { "" };
    let of_owner = format!("{}=", acl_name(ground.manifest.roles.owner.as_str()));
    // Grants of a table that keyward gives to nobody: the owner's own entry is no grant.
    let extra: Vec<&str> = now
        .grants
        .iter()
        .filter(|grant| !was.unwrap_or(&nothing).grants.contains(*grant) && (was.is_some() || !grant.starts_with(&of_owner)))
        .copied()
        .collect();
    // Another owner changes every grant's grantor, and is told by itself.
    let owner = ground.manifest.roles.owner.as_str();
    let object_now = ground.snapshot.objects.get(&format!("table {table}"));
    let is_owned = object_now.is_some_and(|object| owner_in(&object.definition, owner) == owner);
    if !extra.is_empty() && is_owned {
        let who: BTreeSet<&str> = extra.iter().map(|grant| grant.split('=').next().unwrap_or_default()).collect();
        let who: Vec<&str> = who.into_iter().map(|role| if role.is_empty() { "PUBLIC" } else { role }).collect();
        let detail = format!("Its privileges have {} besides.", extra.join(" "));
        add("KW135", object.clone(), detail, format!("REVOKE ALL ON {table} FROM {};{}", who.join(", "), again));
    }
    let Some(was) = was else { return };
    if was.has_rls && !now.has_rls {
        let remedy = format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;");
        add("KW131", object.clone(), format!("It was turned off {after}."), remedy);
    }
    if was.forces_rls && !now.forces_rls {
        let remedy = format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY;");
        add("KW132", object.clone(), format!("FORCE was taken away {after}."), remedy);
    }
    for (name, policy) in &was.policies {
        let what = match now.policies.get(name) {
            None => "dropped",
            Some(now) if now != policy => "altered",
            Some(_) => continue,
        };
        add("KW133", format!("policy {name} on {object}"), format!("It was {what} {after}."), String::new());
    }
    for name in now.policies.keys().filter(|name| !was.policies.contains_key(*name)) {
        let quoted = crate::ident::Ident::new(*name).map(|name| name.to_string()).unwrap_or_default();
        add(
            "KW134",
            format!("policy {name} on {object}"),
            format!("It was added {after}."),
            format!("DROP POLICY {quoted} ON {table};"),
        );
    }
    let lost = was.grants.difference(&now.grants).count();
    if lost > 0 && extra.is_empty() && is_owned {
        let detail = format!("Privileges that keyward granted were revoked {after}.");
        found.push(Finding::new("KW139", format!("access to {object}"), detail));
    }
}

fn schema(ground: &Ground<'_>, now: &str, was: &str, found: &mut Vec<Finding>) {
    let split = |text: &str| {
        text.split_once('\n').map_or((text.to_owned(), String::new()), |(owner, acl)| (owner.to_owned(), acl.to_owned()))
    };
    let ((owner, grants), (owner_was, grants_were)) = (split(now), split(was));
    if owner != owner_was {
        let remedy = format!("ALTER SCHEMA keyward OWNER TO {};", ground.manifest.roles.owner);
        found.push(Finding::new("KW137", "schema keyward", format!("Its owner is {owner}.")).keyed("owner").remedy(remedy));
        return;
    }
    let before: BTreeSet<&str> = grants_were.split(' ').collect();
    let extra: Vec<&str> = grants.split(' ').filter(|grant| !before.contains(grant)).collect();
    let detail = if extra.is_empty() {
        format!("Privileges that keyward granted were revoked {}.", ground.after())
    } else {
        format!("Its privileges have {} besides.", extra.join(" "))
    };
    found.push(Finding::new("KW137", "schema keyward", detail));
}

/// A role as an ACL prints it: quoted unless it is letters, digits and underscores.
fn acl_name(role: &str) -> String {
    let plain = role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { role.to_owned() } else { format!("\"{}\"", role.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catalogue_says_of_the_access_is_read() {
        let read =
            access("t\nf\no=arw/o ui=r/o\nid {ui=r/o}\nodd name r t ui EXISTS ( SELECT\n   FROM app.t)\nown * t o true true");
        assert!(read.has_rls && !read.forces_rls);
        assert!(read.grants.contains("ui=r/o") && read.grants.contains("{ui=r/o}"), "{read:?}");
        assert_eq!(read.policies.keys().copied().collect::<Vec<_>>(), ["odd name", "own"]);
        assert!(read.policies["odd name"].ends_with("FROM app.t)"));
        assert!(access("f\nf").grants.is_empty());
    }
}
