//! Findings as text, for people: what is open, since what, how to close it.

use std::fmt::Write as _;

use super::Paint;
use super::entry::{Entry, Level, Sheet};
use super::text::{plural, printable, wrap};
use crate::audit::{Report, Rule};

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
    text.push_str(&entries(&sheet.entries, paint));
    let count = |level: Level| sheet.entries.iter().filter(|entry| entry.level == level).count();
    let counts = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")];
    let found: Vec<_> = counts
        .iter()
        .map(|(level, word)| (count(*level), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect();
    let checks = plural(sheet.rules.len(), "check");
    let mut line = if found.is_empty() {
        format!("{} {checks}.", paint.green("Nothing found by"))
    } else {
        format!("{} by {checks}; keyward audit --explain ID says more of one.", found.join(", "))
    };
    if report.accepted > 0 {
        let _ = write!(line, " {} more accepted by the baseline.", report.accepted);
    }
    if report.below > 0 {
        let _ = write!(line, " {} below the severity asked for.", report.below);
    }
    text + &line + "\n"
}

/// Returns what was found, without what passed: neighbours of one rule under one title.
#[must_use]
pub fn entries(entries: &[Entry], paint: Paint) -> String {
    let mut text = String::new();
    let mut last: Option<(&str, &str, &str)> = None;
    for entry in entries.iter().filter(|entry| entry.level != Level::Passed) {
        let word = match entry.level {
            Level::Error => paint.red("error"),
            Level::Warning => paint.yellow("warning"),
            Level::Note | Level::Passed => paint.bold(entry.level.as_str()),
        };
        let this = (entry.rule.as_str(), entry.title.as_str(), entry.message.as_str());
        if last.map(|(rule, title, _)| (rule, title)) != Some((this.0, this.1)) {
            let _ = writeln!(text, "{word} {} {}", paint.dim(&entry.rule), paint.bold(&printable(&entry.title)));
        }
        last = Some(this);
        if !entry.object.is_empty() {
            let _ = writeln!(text, "  {}", printable(&entry.object));
        }
        let mut field = |name: &str, value: &str| {
            let lines = value.lines().flat_map(|line| wrap(&printable(line), 110));
            for (at, line) in lines.enumerate() {
                let name = if at == 0 { paint.dim(&format!("{name:<6}")) } else { " ".repeat(6) };
                let _ = writeln!(text, "    {name} {line}");
            }
        };
        field("why", &entry.message);
        field("close", &entry.remedy);
        text.push('\n');
    }
    text
}

/// Returns what a rule is for.
#[must_use]
pub fn explain(rule: &Rule, paint: Paint) -> String {
    let mut text = format!("{} {}: {}\n", paint.bold(&rule.id), rule.severity.as_str(), rule.title);
    for (name, value) in [("why", &rule.why), ("remedy", &rule.remedy), ("check", &rule.file)] {
        for (at, line) in wrap(value, 110).into_iter().enumerate() {
            let name = if at == 0 { paint.dim(&format!("{name:<6}")) } else { " ".repeat(6) };
            let _ = writeln!(text, "  {name} {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::entry::example;
    use super::*;

    #[test]
    fn what_is_open_and_how_to_close_it_is_said_and_nothing_reaches_the_terminal_raw() {
        let text = entries(&example().entries, Paint::plain());
        assert!(text.starts_with("error KW101 a <b> & \"c\", 100%: d\n  app.\"odd, name\"\n    why    One line.\n"), "{text}");
        assert!(text.contains("    close  DROP VIEW x;\n           DROP VIEW y;\n"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains("passed"), "{text}");
    }
}
