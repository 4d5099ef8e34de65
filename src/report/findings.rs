//! Findings as text, for people: what is open, since what, how to close it.

use std::fmt::Write as _;

use super::Paint;
use super::entry::{Level, Sheet};
use super::text::{plural, printable, wrap};
use crate::audit::{Report, Rule};
use crate::lint;

/// Returns an audit for reading: the weightiest findings first, those of one rule together, then the totals.
#[must_use]
pub fn audit(report: &Report, sheet: &Sheet, paint: Paint) -> String {
    let version = (report.server_version / 10_000, report.server_version % 10_000);
    let mut text = format!(
        "{} (PostgreSQL {}.{}), seen as {}; {}\n\n",
        paint.bold(&report.database),
        version.0,
        version.1,
        report.role,
        report.applied.as_ref().map_or_else(|| "nothing was applied".to_owned(), |applied| format!("applied {applied}")),
    );
    text.push_str(&entries(sheet, paint));
    let found = counts(sheet);
    let checks = plural(sheet.rules.len(), "check");
    let mut line = if found.is_empty() {
        format!("{} {checks}.", paint.green("Nothing found by"))
    } else {
        format!("{found} by {checks}; keyward audit --explain ID says more of one.")
    };
    if report.accepted > 0 {
        let _ = write!(line, " {} more accepted by the baseline.", report.accepted);
    }
    if report.below > 0 {
        let _ = write!(line, " {} below the severity asked for.", report.below);
    }
    text + &line + "\n"
}

/// Returns a lint for reading: finding after finding in the order of the files, then the totals.
#[must_use]
pub fn lint(report: &lint::Report, sheet: &Sheet, paint: Paint) -> String {
    let mut text = String::new();
    for entry in sheet.entries.iter().filter(|entry| entry.level != Level::Passed) {
        if let Some(place) = &entry.place {
            let column = place.column.map(|column| format!(":{column}")).unwrap_or_default();
            let place = format!("{}:{}{column}", printable(&place.file), place.line);
            let _ = write!(text, "{} ", paint.bold(&place));
        }
        let _ = writeln!(text, "{} {} {}", word(entry.level, paint), paint.dim(&entry.rule), printable(&entry.title));
        if !entry.object.is_empty() {
            text.push_str(&field("object", &entry.object, paint));
        }
        text.push_str(&field("found", &entry.message, paint));
        text.push_str(&field("close", &entry.remedy, paint));
        text.push('\n');
    }
    text.push_str(&trace(report, paint));
    let counts = counts(sheet);
    let read = format!("{} in {}", plural(report.statements, "statement"), plural(report.files, "file"));
    let mut line = if counts.is_empty() {
        format!("{} {read}.", paint.green("Nothing found in"))
    } else {
        format!("{counts} in {read}; keyward lint --explain ID says more of one.")
    };
    if report.allowed > 0 {
        let _ = write!(line, " {} more accepted by comments.", report.allowed);
    }
    if report.below > 0 {
        let _ = write!(line, " {} below the severity asked for.", report.below);
    }
    text + &line + "\n"
}

/// Returns what was measured, a line a statement: where, how long, which locks; and what it rewrote.
fn trace(report: &lint::Report, paint: Paint) -> String {
    let Some(steps) = &report.trace else { return String::new() };
    let mut text = format!("{}\n", paint.bold("Tried on a sandbox"));
    for step in steps {
        let place = format!("{}:{}", printable(&step.file), step.line);
        let _ = writeln!(text, "  {place}  {:.1} ms  {}", step.milliseconds, paint.dim(&printable(&step.statement)));
        let locks = match &step.locks {
            _ if step.failure.is_some() => "failed".to_owned(),
            None => "not in a transaction: its locks aren't known".to_owned(),
            Some(locks) => locks.iter().map(|held| format!("{} {}", held.mode, held.table)).collect::<Vec<_>>().join(", "),
        };
        text.push_str(&field("locks", &locks, paint));
        text.push_str(&field("copies", &step.rewrites.join(", "), paint));
    }
    text + "\n"
}

/// Returns what a rule of the lint is about, with its examples.
#[must_use]
pub fn explain_rule(rule: &lint::Rule, paint: Paint) -> String {
    let mut text = format!("{} {}: {}\n", paint.bold(rule.id), rule.severity.as_str(), rule.title);
    for (name, value) in [("why", rule.why), ("close", rule.remedy)] {
        text.push_str(&field(name, value, paint));
    }
    for (name, all) in [("bad", rule.bad), ("good", rule.good)] {
        for example in all {
            text.push_str(&field(name, example, paint));
        }
    }
    text
}

/// Returns how many there are of each weight: `2 errors, 1 note`.
fn counts(sheet: &Sheet) -> String {
    let count = |level: Level| sheet.entries.iter().filter(|entry| entry.level == level).count();
    let all = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")];
    let found = all.iter().map(|(level, word)| (count(*level), word)).filter(|(count, _)| *count > 0);
    found.map(|(count, word)| plural(count, word)).collect::<Vec<_>>().join(", ")
}

fn word(level: Level, paint: Paint) -> String {
    match level {
        Level::Error => paint.red("error"),
        Level::Warning => paint.yellow("warning"),
        Level::Note | Level::Skipped | Level::Passed => paint.bold(level.as_str()),
    }
}

/// Returns what was found, without what passed: neighbours of one rule under one title, with what the rule says of all of them said once.
#[must_use]
pub fn entries(sheet: &Sheet, paint: Paint) -> String {
    let mut text = String::new();
    let mut last: Option<(&str, &str)> = None;
    for entry in sheet.entries.iter().filter(|entry| entry.level != Level::Passed) {
        let why = sheet.rules.iter().find(|about| about.rule == entry.rule).map_or("", |about| about.why.as_str());
        let found = entry.message.strip_suffix(why).unwrap_or(&entry.message).trim_end();
        let this = (entry.rule.as_str(), entry.title.as_str());
        if last != Some(this) {
            text.push_str(if last.is_some() { "\n" } else { "" });
            let word = word(entry.level, paint);
            let _ = writeln!(text, "{word} {} {}", paint.dim(&entry.rule), paint.bold(&printable(&entry.title)));
            if found.len() < entry.message.len() {
                for line in wrap(why, 114) {
                    let _ = writeln!(text, "  {}", paint.dim(&line));
                }
            }
        }
        last = Some(this);
        if !entry.object.is_empty() {
            let _ = writeln!(text, "  - {}", printable(&entry.object));
        }
        text.push_str(&field("found", found, paint));
        text.push_str(&field("close", &entry.remedy, paint));
    }
    if last.is_some() {
        text.push('\n');
    }
    text
}

/// Returns a field: its name once, its lines wrapped below each other.
fn field(name: &str, value: &str, paint: Paint) -> String {
    let mut text = String::new();
    let lines = value.lines().flat_map(|line| wrap(&printable(line), 108));
    for (at, line) in lines.enumerate() {
        let name = if at == 0 { paint.dim(&format!("{name:<6}")) } else { " ".repeat(6) };
        // Writing to a String can't fail.
        let _ = writeln!(text, "    {name} {line}");
    }
    text
}

/// Returns what a rule is for.
#[must_use]
pub fn explain(rule: &Rule, paint: Paint) -> String {
    let mut text = format!("{} {}: {}\n", paint.bold(&rule.id), rule.severity.as_str(), rule.title);
    for (name, value) in [("why", &rule.why), ("close", &rule.remedy), ("check", &rule.file)] {
        text.push_str(&field(name, value, paint));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::entry::example;
    use super::*;

    #[test]
    fn what_is_open_and_how_to_close_it_is_said_and_nothing_reaches_the_terminal_raw() {
        let mut sheet = example();
        let mut second = sheet.entries[0].clone();
        "second".clone_into(&mut second.object);
        sheet.entries.insert(1, second);
        for entry in &mut sheet.entries {
            entry.message.push_str(" Why.");
        }
        let text = entries(&sheet, Paint::plain());
        let first = "  - app.\"odd, name\"\n    found  One line.\n           Another\\u{1b}[31m.\n    close  DROP VIEW x;\n           DROP VIEW y;\n";
        assert!(text.starts_with(&format!("error KW101 a <b> & \"c\", 100%: d\n  Why.\n{first}  - second\n    found")), "{text}");
        assert_eq!(text.matches("Why.").count(), 3, "once for each rule: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains("passed"), "{text}");
    }
}
