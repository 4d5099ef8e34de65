//! Guards that don't guard any more: what the plan would repair, named by what was done to it.

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::ident::plain;
use crate::plan::{Action, Step};

pub(super) const RULES: &[Declared] = &[
    (
        "KW103",
        Severity::Error,
        "a guard is missing",
        "Whatever the trigger stopped passes now.",
        "Run keyward apply: it puts the trigger back.",
    ),
    (
        "KW104",
        Severity::Error,
        "a guard is disabled",
        "The trigger is there, and fires for nobody.",
        "Run keyward apply, or ALTER TABLE … ENABLE ALWAYS TRIGGER ….",
    ),
    (
        "KW105",
        Severity::Error,
        "a guard is not ALWAYS on",
        "It fires for certain values of session_replication_role only: whoever may set it to replica passes, and so does logical replication.",
        "Run keyward apply, or ALTER TABLE … ENABLE ALWAYS TRIGGER ….",
    ),
    (
        "KW106",
        Severity::Error,
        "a guard was altered",
        "The trigger has keyward's name, but another condition, event or function.",
        "Run keyward apply: it puts the trigger back.",
    ),
    (
        "KW110",
        Severity::Error,
        "a partition has no guard against TRUNCATE",
        "A statement trigger is not inherited: the partition came after the last apply, and truncating it passes the guard.",
        "Run keyward apply.",
    ),
    (
        "KW120",
        Severity::Error,
        "a function of keyward's is missing",
        "Guards and keys depend on it: statements fail, or keys can't be used.",
        "Run keyward apply.",
    ),
    (
        "KW121",
        Severity::Error,
        "the body of a function of keyward's was altered",
        "It may do anything under a trusted name.",
        "Run keyward apply: it puts the function back. Find out who did it.",
    ),
    (
        "KW122",
        Severity::Error,
        "a function of keyward's runs with other rights",
        "SECURITY DEFINER and SECURITY INVOKER decide whose rows and whose privileges it works with: as invoker a guard can't read the settings, as \
         definer a key function shows every tenant's rows.",
        "Run keyward apply.",
    ),
    (
        "KW123",
        Severity::Error,
        "a function of keyward's has another search_path",
        "Unless pg_temp comes last, whoever calls it may shadow what it uses with objects of a temporary schema.",
        "Run keyward apply.",
    ),
    (
        "KW124",
        Severity::Error,
        "a function of keyward's belongs to somebody else",
        "Its owner may replace its body, and with SECURITY DEFINER it runs with its owner's rights.",
        "ALTER FUNCTION … OWNER TO keyward's owner, then run keyward apply.",
    ),
    (
        "KW125",
        Severity::Error,
        "a function of keyward's may be called by others",
        "Only the roles of the manifest may call it: it moves, shows or makes keys, or changes settings.",
        "Run keyward apply: it revokes what it didn't grant.",
    ),
    (
        "KW126",
        Severity::Error,
        "a function of keyward's was declared anew",
        "Its language, volatility, settings or type changed.",
        "Run keyward apply.",
    ),
    (
        "KW139",
        Severity::Error,
        "something of keyward's is not as it was made",
        "It differs from what keyward recorded.",
        "Run keyward plan to see the repair, then keyward apply.",
    ),
    (
        "KW140",
        Severity::Error,
        "row-level security is off",
        "The policies are still there, and without effect: the wall behind the guard is down.",
        "Run keyward apply, or ALTER TABLE … ENABLE ROW LEVEL SECURITY.",
    ),
    (
        "KW141",
        Severity::Error,
        "a policy of keyward's is missing",
        "The wall behind the guard has a hole, or keyward's owner no longer sees every row.",
        "Run keyward apply.",
    ),
    (
        "KW142",
        Severity::Error,
        "a policy of keyward's was altered",
        "It has keyward's name, but another condition, command or other roles.",
        "Run keyward apply.",
    ),
    (
        "KW150",
        Severity::Error,
        "the key column rejects NULL",
        "A sealed key leaves NULL in its row: sealing fails, opt-in and the rollout with it.",
        "Run keyward apply, or ALTER TABLE … ALTER COLUMN … DROP NOT NULL.",
    ),
    (
        "KW160",
        Severity::Error,
        "keyward's owner lacks access to a table",
        "Guards read and seal as keyward's owner: without its rights, statements of the application fail.",
        "Run keyward apply: it grants them again.",
    ),
    (
        "KW209",
        Severity::Error,
        "a role that is held at a distance may trigger, reference or truncate",
        "TRIGGER shows what others write, REFERENCES lets keys be guessed, TRUNCATE passes by row triggers and policies.",
        "Run keyward apply: it revokes them.",
    ),
];

/// What a step is about.
fn kind(step: &Step) -> &str {
    match step.id.as_str() {
        id if id.starts_with("access of owner to ") => "owner's access",
        id if id.starts_with("row-level security on ") => "row-level security",
        id if super::walls::is_grant(id) => "column grants",
        id => id.split(' ').next().unwrap_or_default(),
    }
}

/// Tells whether a step brings about what has never been there, rather than repairing what was.
pub(super) fn is_pending(ground: &Ground<'_>, step: &Step) -> bool {
    let is_current = ground
        .snapshot
        .installed
        .as_ref()
        .is_some_and(|installed| installed.manifest_sha256.as_deref() == Some(ground.plan.manifest.as_str()));
    match (kind(step), step.action) {
        // Whoever audits needn't be the one who applies.
        ("membership" | "role", _) | (_, Action::Repair) => false,
        // A condition that was met from the start is not recorded.
        ("revocation" | "nullable" | "owner's access" | "row-level security" | "column grants", Action::Create) => !is_current,
        ("trigger", Action::Create) => new_partition(ground, step).is_none(),
        _ => true,
    }
}

/// Returns the partition that a guard is missing on because the partition is new.
fn new_partition(ground: &Ground<'_>, step: &Step) -> Option<String> {
    let (_, on) = step.id.split_once("\" on ").filter(|(name, _)| name.ends_with("truncate"))?;
    let mut parts = ground.snapshot.tables.values().flat_map(|relation| &relation.partitions);
    parts.find(|part| part.to_string() == on).map(crate::ident::Table::human)
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    if !ground.is_applied() {
        return Vec::new();
    }
    let steps = ground.plan.steps.iter().filter(|step| !is_pending(ground, step));
    steps.flat_map(|step| repair(ground, step)).collect()
}

fn repair(ground: &Ground<'_>, step: &Step) -> Vec<Finding> {
    let found = ground.snapshot.objects.get(&step.id).map(|found| found.definition.as_str());
    let recorded = ground.snapshot.recorded(&step.id).map(|recorded| recorded.definition.as_str());
    let after = ground.after();
    let object = plain(&step.id);
    let one = |id: &str, detail: String| vec![Finding::new(id, object.as_str(), detail).remedy(step.sql.trim())];
    match (kind(step), found, recorded) {
        // Whoever audits needn't be the one who applies; what was done to an access, own_tables tells, and to a wall, walls.
        ("membership" | "role" | "access" | "column grants", ..) => Vec::new(),
        ("trigger", None, None) => match new_partition(ground, step) {
            Some(part) => one("KW110", format!("{part} is not guarded yet.")),
            None => one("KW103", String::new()),
        },
        ("trigger", None, _) => one("KW103", format!("It was dropped {after}.")),
        ("trigger", Some(found), Some(recorded)) => trigger(found, recorded)
            .into_iter()
            .map(|(id, what)| Finding::new(id, object.as_str(), format!("{what} {after}.")).remedy(step.sql.trim()))
            .collect(),
        ("function", None, _) => one("KW120", format!("It was dropped {after}.")),
        ("function", Some(found), Some(recorded)) => function(found, recorded)
            .into_iter()
            .map(|(id, what)| Finding::new(id, object.as_str(), format!("{what} {after}.")))
            .collect(),
        ("policy", None, _) => one("KW141", format!("It was dropped {after}.")),
        ("policy", Some(_), _) => one("KW142", format!("It was altered {after}.")),
        ("owner's access", ..) => one("KW160", format!("It was revoked {after}.")),
        ("revocation", ..) => one("KW209", format!("It was granted {after}.")),
        ("row-level security", ..) => one("KW140", format!("It was turned off {after}.")),
        ("nullable", ..) => one("KW150", format!("NOT NULL was set {after}.")),
        _ => one("KW139", format!("It changed {after}.")),
    }
}

/// Names what was done to a trigger. Its definition is `pg_get_triggerdef`, how its copies on partitions are enabled, how it is itself.
fn trigger(found: &str, recorded: &str) -> Vec<(&'static str, String)> {
    fn split(text: &str) -> (String, String, String) {
        let switches = |line: &str| !line.is_empty() && line.chars().all(|c| "ADOR ".contains(c));
        let mut lines: Vec<&str> = text.lines().collect();
        let own = lines.pop().unwrap_or_default().to_owned();
        let parts = if lines.len() > 1 && lines.last().is_some_and(|line| switches(line)) { lines.pop() } else { None };
        (lines.join("\n"), parts.unwrap_or_default().to_owned(), own)
    }
    let ((definition, _, own), (was, _, own_was)) = (split(found), split(recorded));
    let mut done = Vec::new();
    if own != own_was {
        done.push(if own == "D" {
            ("KW104", "It was disabled".to_owned())
        } else {
            ("KW105", "It was set to fire for some sessions only".to_owned())
        });
    }
    if definition != was {
        done.push(("KW106", "It was replaced".to_owned()));
    }
    // What differs on a partition only is found there.
    done
}

/// Names what was done to a function. Its definition is its owner, `pg_get_functiondef`, and who may call it.
fn function(found: &str, recorded: &str) -> Vec<(&'static str, String)> {
    struct Parts<'a> {
        owner: &'a str,
        is_definer: bool,
        search_path: Option<&'a str>,
        rest: Vec<&'a str>,
        body: &'a str,
        grants: &'a str,
    }
    fn split(text: &str) -> Option<Parts<'_>> {
        let (owner, text) = text.split_once('\n')?;
        let (head, rest) = text.split_once("\nAS $")?;
        let (tag, rest) = rest.split_once('$')?;
        let (body, grants) = rest.rsplit_once(&format!("${tag}$"))?;
        let attributes = || head.lines().flat_map(|line| line.split("  ")).map(str::trim);
        let of = |text: &&str| *text == "SECURITY DEFINER" || text.ends_with(" SECURITY DEFINER");
        let path = attributes().find(|text| text.starts_with("SET search_path"));
        let rest = head
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("SET search_path"))
            .flat_map(|line| line.split(" SECURITY DEFINER"))
            .filter(|line| !line.is_empty() && *line != "SECURITY DEFINER")
            .collect();
        Some(Parts {
            owner,
            is_definer: attributes().any(|text| of(&text)),
            search_path: path,
            rest,
            body,
            grants: grants.trim(),
        })
    }
    let (Some(now), Some(was)) = (split(found), split(recorded)) else { return vec![("KW126", "It was altered".to_owned())] };
    let mut done = Vec::new();
    if now.owner != was.owner {
        done.push(("KW124", format!("Its owner is {} instead of {}", now.owner, was.owner)));
    }
    if now.is_definer != was.is_definer {
        let is = if now.is_definer { "SECURITY DEFINER" } else { "SECURITY INVOKER" };
        done.push(("KW122", format!("It became {is}")));
    }
    if now.search_path != was.search_path {
        done.push((
            "KW123",
            format!("It has {}", now.search_path.map_or("none of its own", |path| path.trim_start_matches("SET "))),
        ));
    }
    if now.body != was.body {
        done.push(("KW121", "Its body was replaced".to_owned()));
    }
    // A new owner changes every grant's grantor.
    if now.grants != was.grants && now.owner == was.owner {
        done.push(("KW125", format!("Its privileges are {}", now.grants)));
    }
    if now.rest != was.rest || done.is_empty() {
        done.push(("KW126", "It was declared otherwise".to_owned()));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_to_a_trigger_is_named() {
        let recorded = "CREATE TRIGGER g BEFORE INSERT ON app.t EXECUTE FUNCTION keyward.f()\nA\nA";
        let ids = |found: &str| trigger(found, recorded).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        assert_eq!(ids(&recorded.replace("\nA\nA", "\nA\nD")), ["KW104"]);
        assert_eq!(ids(&recorded.replace("\nA\nA", "\nA\nO")), ["KW105"]);
        assert_eq!(ids(&recorded.replace("BEFORE", "AFTER").replace("\nA\nA", "\nA\nR")), ["KW105", "KW106"]);
        assert_eq!(ids(&recorded.replace("\nA\nA", "\nA D\nA")), Vec::<&str>::new(), "found on the partition");
    }

    #[test]
    fn what_was_done_to_a_function_is_named() {
        let recorded = "o\nCREATE OR REPLACE FUNCTION keyward.f()\n RETURNS trigger\n LANGUAGE plpgsql\n STABLE SECURITY DEFINER\n SET search_path TO 'pg_catalog', \
                        'pg_temp'\nAS $function$\nBEGIN\nEND\n$function$\n\no=X/o ui=X/o";
        let ids = |from: &str, to: &str| {
            assert!(recorded.contains(from));
            function(&recorded.replace(from, to), recorded).into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(ids(" STABLE SECURITY DEFINER\n", " STABLE\n"), ["KW122"]);
        assert_eq!(ids("o\nCREATE", "x\nCREATE"), ["KW124"]);
        assert_eq!(ids(", 'pg_temp'", ""), ["KW123"]);
        assert_eq!(ids("BEGIN\n", "BEGIN RETURN NEW;\n"), ["KW121"]);
        assert_eq!(ids(" ui=X/o", " ui=X/o api=X/o"), ["KW125"]);
        assert_eq!(ids("STABLE", "IMMUTABLE"), ["KW126"]);
    }
}
