//! Text, for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::evidence::Evidence;
pub use crate::ident::plain;
use crate::plan::{Action, Finding, Lock, Plan, Severity, Step};
use crate::status::{Accounts, Installed, Policy, Status, Wave};

use super::Paint;

/// The lock modes of tables, strongest first.
const MODES: [&str; 8] = [
    "ACCESS EXCLUSIVE",
    "EXCLUSIVE",
    "SHARE ROW EXCLUSIVE",
    "SHARE",
    "SHARE UPDATE EXCLUSIVE",
    "ROW EXCLUSIVE",
    "ROW SHARE",
    "ACCESS SHARE",
];

/// The most statements shown of a plan's evidence.
const SHOWN: usize = 20;

/// Returns a plan for reading: what stands in the way, then the steps by place, then the totals. `verbose` adds each step's SQL
/// and its undo.
#[must_use]
pub fn plan(plan: &Plan, verbose: bool, paint: Paint) -> String {
    let mut text = String::new();
    for finding in &plan.findings {
        text.push_str(&self::finding(finding, paint));
    }
    if plan.is_empty() {
        let _ = writeln!(text, "{} the database {} is as the manifest says.", paint.green("Nothing to do:"), plan.database);
    } else {
        let _ = writeln!(text, "{}", paint.bold(&format!("What apply would do in the database {}", plan.database)));
        text.push_str(&steps(&plan.steps, verbose, paint));
    }
    let approved = plan.approved.hazards.iter().chain(&plan.approved.risks).map(|name| printable(name)).collect::<Vec<_>>();
    if !approved.is_empty() {
        let _ = writeln!(text, "Allowed by name: {}.", approved.join(", "));
    }
    let refusals = plan.findings.iter().filter(|finding| finding.severity == Severity::Refusal).count();
    let warnings = plan.findings.len() - refusals;
    if refusals > 0 || warnings > 0 {
        let said = [(refusals, "refusal"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
        let said: Vec<_> = said.map(|(count, what)| plural(count, what)).collect();
        let _ = writeln!(text, "{}, explained above.", said.join(" and "));
    }
    text
}

/// Returns the statements that a plan breaks, the most called first, or why they aren't known.
#[must_use]
pub fn evidence(found: &Evidence, paint: Paint) -> String {
    if let Some(why) = &found.unavailable {
        return format!("Which statements of API roles break isn't known: {why}.\n");
    }
    let mut text = String::new();
    if found.is_partial {
        text.push_str(
            "Statements of API roles are hidden from this role: with pg_read_all_stats it would see which of them break.\n",
        );
    }
    if found.statements.is_empty() {
        if !found.is_partial {
            text.push_str("pg_stat_statements knows no statement of an API role that breaks.\n");
        }
        return text;
    }
    let many = plural(found.statements.len(), "statement");
    let _ = writeln!(text, "{}", paint.bold(&format!("{many} of API roles that break (pg_stat_statements)")));
    for one in found.statements.iter().take(SHOWN) {
        let breaks: Vec<_> = one.breaks.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "  {} on {}, {} calls: {}", one.role, one.table, count(one.calls), breaks.join(", "));
        for line in wrap(&one.statement, 110) {
            let _ = writeln!(text, "      {line}");
        }
    }
    if found.statements.len() > SHOWN {
        let _ = writeln!(text, "  and {} more: keyward plan --output json", found.statements.len() - SHOWN);
    }
    text
}

/// Returns what somebody signs, in one line.
#[must_use]
pub fn signed(plan: &Plan) -> String {
    let listed = |names: &[String], none: &str| {
        if names.is_empty() { none.to_owned() } else { names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ") }
    };
    format!(
        "{} in the database {}; hazards allowed: {}; risks accepted: {}; manifest {}",
        plural(plan.steps.len(), "step"),
        printable(&plan.database),
        listed(&plan.approved.hazards, "none"),
        listed(&plan.approved.risks, "none"),
        printable(plan.manifest.get(..12).unwrap_or(&plan.manifest)),
    )
}

/// Returns a plan in a few lines: how many steps at each place, under which lock, with which hazards.
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut places: Vec<String> = Vec::new();
    for step in &plan.steps {
        let place = place(step);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let width = places.iter().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for name in places {
        let here: Vec<_> = plan.steps.iter().filter(|step| place(step) == name).cloned().collect();
        let _ = writeln!(
            text,
            "{name:<width$}  {}",
            totals(&here)
                .replace(&format!(" on {name}"), "")
                .replace("no lock on a table of the application; no hazards", "no lock")
        );
    }
    let _ = writeln!(text, "{:<width$}  {}", "in all", totals(&plan.steps));
    text
}

/// Returns the steps of an uninstall for reading.
#[must_use]
pub fn removal(steps: &[Step], database: &str, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.bold(&format!("What uninstall would do in the database {database}")));
    text.push_str(&self::steps(steps, false, paint));
    text
}

/// Returns an action as a verb.
#[must_use]
pub fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Change => "change",
        Action::Repair => "repair",
        Action::Drop => "drop",
        Action::Move => "move",
    }
}

/// Returns a number with its thousands set apart: `12,345`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun: `1 step`, `1,000 steps`.
#[must_use]
pub fn plural(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {what}{s}", count(number as u64))
}

fn finding(finding: &Finding, paint: Paint) -> String {
    let what = match finding.severity {
        Severity::Refusal => paint.red("refused:"),
        Severity::Warning => paint.yellow("warning:"),
    };
    let mut text = format!("{what} {}\n", paint.bold(&finding.title));
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {:<8}{}", format!("{name}:"), value.replace('\n', "\n          "));
        }
    };
    field("why", &finding.detail);
    field("remedy", &finding.remedy);
    field("id", &finding.id);
    if finding.severity == Severity::Refusal && !finding.can_be_accepted {
        text.push_str("          (can't be overruled with --accept-risk)\n");
    }
    text.push('\n');
    text
}

/// Returns where a step does its work: a table of the application, the schema keyward, or the cluster's roles.
fn place(step: &Step) -> String {
    let id = plain(&step.id);
    let on =
        [" on ", " of owner to ", " in "].iter().find_map(|before| id.rsplit_once(before)).map(|(_, table)| table.to_owned());
    let locked = step.lock.as_ref().map(|lock| plain(&lock.relation));
    if id.starts_with("role ") || id.starts_with("membership ") {
        return "roles".to_owned();
    }
    on.or(locked).filter(|relation| !relation.starts_with("keyward.")).unwrap_or_else(|| "schema keyward".to_owned())
}

/// Returns a text that came from a database as a terminal may show it: control characters are written as escapes.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Returns steps by place: neighbours with the same place under one heading, each with its number in the order of execution.
fn steps(steps: &[Step], verbose: bool, paint: Paint) -> String {
    let mut text = String::new();
    let width = steps.len().to_string().len();
    let margin = " ".repeat(width + 12);
    let mut explained = BTreeSet::new();
    let mut at = None;
    for (number, step) in steps.iter().enumerate() {
        let place = place(step);
        if at.as_ref() != Some(&place) {
            let _ = writeln!(text, "\n{}", paint.bold(&place));
            at = Some(place.clone());
        }
        let id = plain(&step.id);
        // The heading says where already.
        let object = [" on ", " of owner to ", " in "]
            .iter()
            .find_map(|before| id.strip_suffix(&format!("{before}{place}")))
            .unwrap_or(&id);
        let object = if id.starts_with("access of owner") { "access of keyward's owner" } else { object };
        let _ = write!(text, "  {:>width$}  {:<6}  {object}", number + 1, action(step.action));
        if let Some(lock) = step.lock.as_ref().filter(|lock| verbose || !lock.relation.starts_with("keyward.")) {
            let relation = plain(&lock.relation);
            let on = if relation == place { String::new() } else { format!(" on {relation}") };
            let _ = write!(text, "  {}", paint.yellow(&format!("[{}{on}]", lock.mode)));
        }
        text.push('\n');
        // What is said once needn't be said again; of a function its purpose in one sentence will do.
        let why = plain(&step.why);
        let why = if verbose || step.lock.is_some() {
            why.as_str()
        } else {
            why.split_once(". ").map_or(why.as_str(), |(first, _)| first)
        };
        if explained.insert(why.to_owned()) {
            for line in wrap(why, 120 - margin.len()) {
                let _ = writeln!(text, "{margin}{}", paint.dim(&line));
            }
        }
        for hazard in &step.hazards {
            let meaning = if explained.insert(hazard.id.clone()) { format!(": {}", hazard.text) } else { String::new() };
            for (line_number, line) in wrap(&format!("{}{meaning}", hazard.id), 118 - margin.len()).into_iter().enumerate() {
                let mark = if line_number == 0 { paint.yellow("!") } else { " ".to_owned() };
                let _ = writeln!(text, "{margin}{mark} {line}");
            }
        }
        if verbose {
            for (name, sql) in [("", &step.sql), ("-- undo: ", &step.undo)] {
                let by = format!("\n{margin}{}", if name.is_empty() { "" } else { "--       " });
                if !sql.is_empty() {
                    let _ = writeln!(text, "{margin}{name}{}", sql.trim().replace('\n', &by));
                }
            }
        }
    }
    let _ = writeln!(text, "\n{}", totals(steps));
    text
}

/// Returns the totals: `58 steps; strongest lock ACCESS EXCLUSIVE on app.users; 2 hazards.`
fn totals(steps: &[Step]) -> String {
    let rank = |lock: &&Lock| MODES.iter().position(|mode| *mode == lock.mode).unwrap_or(MODES.len());
    // A lock on a table of keyward's own makes nobody wait.
    let locks: Vec<_> =
        steps.iter().filter_map(|step| step.lock.as_ref()).filter(|lock| !lock.relation.starts_with("keyward.")).collect();
    let lock = locks.iter().copied().min_by_key(rank).map_or_else(
        || "no lock on a table of the application".to_owned(),
        |strongest| {
            let on: BTreeSet<_> =
                locks.iter().filter(|lock| lock.mode == strongest.mode).map(|lock| plain(&lock.relation)).collect();
            format!("strongest lock {} on {}", strongest.mode, on.into_iter().collect::<Vec<_>>().join(", "))
        },
    );
    let hazards: BTreeSet<_> = steps.iter().flat_map(|step| &step.hazards).map(|hazard| hazard.id.as_str()).collect();
    let hazards = match hazards.len() {
        0 => "no hazards".to_owned(),
        number => format!("{}: {}", plural(number, "hazard"), hazards.into_iter().collect::<Vec<_>>().join(", ")),
    };
    format!("{}; {lock}; {hazards}.", plural(steps.len(), "step"))
}

/// Breaks a text into lines of at most `width` characters, where its words allow it.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns a status for reading, on one screen.
#[must_use]
pub fn status(status: &Status, paint: Paint) -> String {
    let version = (status.server_version / 10_000, status.server_version % 10_000);
    let mut text =
        format!("{} (PostgreSQL {}.{}), seen as {}\n", paint.bold(&status.database), version.0, version.1, status.role);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{} {}", paint.dim(&format!("{name:<10}")), value.replace('\n', "\n           "));
    };
    line("setting", &status.label);
    match &status.installed {
        None => line("installed", &paint.yellow("keyward is not installed in this database")),
        Some(installed) => installed_lines(installed, paint, &mut line),
    }
    let drift = &status.drift;
    let mut parts = Vec::new();
    if drift.steps > 0 {
        parts.push(paint.yellow(&format!("{} to apply", plural(drift.steps, "step"))));
    }
    if !drift.refusals.is_empty() {
        parts.push(paint.red(&format!("{}: {}", plural(drift.refusals.len(), "refusal"), some_of(&drift.refusals))));
    }
    if !drift.warnings.is_empty() {
        parts.push(format!("{}: {}", plural(drift.warnings.len(), "warning"), some_of(&drift.warnings)));
    }
    if drift.steps == 0 && drift.refusals.is_empty() {
        parts.insert(0, paint.green("none"));
    } else {
        parts.push("keyward plan explains".to_owned());
    }
    line("drift", &parts.join("\n"));
    text
}

/// Returns the first few of a list, and how many more there are.
fn some_of(ids: &[String]) -> String {
    let shown = ids.iter().take(4).map(String::as_str).collect::<Vec<_>>().join(", ");
    if ids.len() > 4 { format!("{shown} and {} more", ids.len() - 4) } else { shown }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn installed_lines(installed: &Installed, paint: Paint, line: &mut dyn FnMut(&str, &str)) {
    match &installed.manifest {
        Some(manifest) => {
            let short: String = manifest.sha256.chars().take(12).collect();
            let at = manifest.applied_at.strftime("%Y-%m-%d %H:%M UTC");
            let changed =
                if manifest.is_current { String::new() } else { format!("\n{}", paint.yellow("the file says otherwise by now")) };
            let signed = manifest.signed_by.iter().map(|key| ["\nsigned by ", key].concat()).collect::<String>();
            line("manifest", &format!("{short}, applied {at} by {}{signed}{changed}", manifest.applied_by));
        }
        None => line("manifest", &paint.yellow("none recorded yet: an apply has not finished")),
    }
    match &installed.policy {
        Some(Policy { mode, default_enabled, new_accounts_enabled }) => {
            let shown = if mode == "enforce" { paint.green(mode) } else { paint.yellow(mode) };
            line(
                "mode",
                &format!(
                    "{shown}; accounts without a setting of their own are {}, new accounts {}",
                    on_off(*default_enabled),
                    on_off(*new_accounts_enabled || *default_enabled)
                ),
            );
        }
        None => line("mode", &paint.red("the policy's row is missing: the guards enforce for every account")),
    }
    if let Some(accounts) = &installed.accounts {
        line("accounts", &accounts_line(accounts));
    }
    let many = installed.keys.len() > 8;
    let mut keys: Vec<_> = installed.keys.iter().collect();
    if many {
        // One screen: those that lie open first.
        keys.sort_by_key(|(_, keys)| std::cmp::Reverse(keys.published_enabled));
        keys.truncate(8);
    }
    for (name, keys) in keys {
        let open = match keys.published_enabled {
            0 => "none open in an enabled account".to_owned(),
            open => paint.red(&format!("{} OPEN in enabled accounts", count(open))),
        };
        line("keys", &format!("{name}: {} sealed, {open}", count(keys.sealed)));
    }
    if many {
        line("", &format!("and {} more", installed.keys.len() - 8));
    }
    for (name, readers) in &installed.walls {
        let who = if readers.is_empty() {
            "no API role may read it".to_owned()
        } else {
            paint.red(&format!("OPEN to {}", readers.join(", ")))
        };
        line("keys", &format!("{name}: in its column; {who}"));
    }
    match &installed.wave {
        Some(wave) => line("rollout", &wave_line(wave)),
        None => line("rollout", "not begun"),
    }
    let events: Vec<_> = installed.events.iter().map(|(kind, number)| format!("{} {kind}", count(*number))).collect();
    line(
        "24 hours",
        &if events.is_empty() { "no key generated, written, revealed or revoked".to_owned() } else { events.join(", ") },
    );
}

fn accounts_line(accounts: &Accounts) -> String {
    let of = |enabled: bool| {
        let some: Vec<_> = accounts.settings.iter().filter(|setting| setting.enabled == enabled).collect();
        let number = some.iter().map(|setting| setting.accounts).sum::<u64>();
        let sources: Vec<_> = some.iter().map(|setting| format!("{} {}", count(setting.accounts), setting.source)).collect();
        (number, if sources.is_empty() { String::new() } else { format!(" ({})", sources.join(", ")) })
    };
    let ((on, on_sources), (off, off_sources)) = (of(true), of(false));
    let rest = accounts.total.saturating_sub(on + off);
    format!(
        "{}: {} on{on_sources}, {} off{off_sources}, {} without a setting of their own",
        count(accounts.total),
        count(on),
        count(off),
        count(rest)
    )
}

fn wave_line(wave: &Wave) -> String {
    let Wave { id, kind, percent, state, accounts, keys, started_at, ended_at } = wave;
    let at = ended_at.unwrap_or(*started_at).strftime("%Y-%m-%d %H:%M UTC");
    let what = if kind == "run" { format!("run to {percent} %") } else { kind.clone() };
    let when = if ended_at.is_some() { "ended" } else { "begun" };
    format!("wave {id} ({what}) {state}: {} accounts, {} keys; {when} {at}", count(*accounts), count(*keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_thousands_set_apart() {
        let said: Vec<_> = [0, 999, 1_000, 12_345, 1_234_567].map(count).to_vec();
        assert_eq!(said, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(plural(1, "step"), "1 step");
        assert_eq!(plural(2, "step"), "2 steps");
    }

    #[test]
    fn a_long_text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable", 3), ["unbreakable"]);
        assert_eq!(wrap("", 3), Vec::<String>::new());
    }
}
