//! The neutral form of whatever is reported one by one: findings of an audit, probes, findings of a lint. The formats know only this.

use crate::audit::{self, Severity};
use crate::lint;
use crate::verify::{self, Outcome};

/// How much an entry weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It was looked for, and is not there.
    Passed,
    /// It could not be tried, and proves nothing.
    Skipped,
    /// Worth knowing.
    Note,
    /// A weakness.
    Warning,
    /// A hole.
    Error,
}

impl Level {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path, as it was given.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, where it is known.
    pub column: Option<usize>,
}

/// What is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The rule or probe, such as `KW104`.
    pub rule: String,
    /// How much it weighs.
    pub level: Level,
    /// One line.
    pub title: String,
    /// What it is about, qualified; empty where it is about nothing in particular.
    pub object: String,
    /// What was found, and why it matters.
    pub message: String,
    /// How to close it.
    pub remedy: String,
    /// Where it is, if in a file.
    pub place: Option<Place>,
    /// The same for the same finding in the next run.
    pub fingerprint: String,
}

/// What a rule is about, for formats that list the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The rule, such as `KW104`.
    pub rule: String,
    /// How much its findings weigh, unless they say otherwise.
    pub level: Level,
    /// One line.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub remedy: String,
}

/// What is reported together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What was done, such as `keyward audit`.
    pub name: String,
    /// What there was to look for.
    pub rules: Vec<About>,
    /// What was found; and, for formats that list them, what wasn't.
    pub entries: Vec<Entry>,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// Returns an audit as a sheet. `file` is what formats that need a place point to: the manifest.
#[must_use]
pub fn audit(report: &audit::Report, file: &str) -> Sheet {
    let place = || Some(Place { file: file.to_owned(), line: 1, column: None });
    let rules = audit::rules().iter().map(|rule| About {
        rule: rule.id.clone(),
        level: rule.severity.into(),
        title: rule.title.clone(),
        why: rule.why.clone(),
        remedy: rule.remedy.clone(),
    });
    let found = report.findings.iter().map(|finding| Entry {
        rule: finding.id.clone(),
        level: finding.severity.into(),
        title: finding.title.clone(),
        object: finding.object.clone(),
        message: finding.detail.clone(),
        remedy: finding.remedy.clone(),
        place: place(),
        fingerprint: finding.cache_key.clone(),
    });
    let clean = audit::rules().iter().filter(|rule| report.findings.iter().all(|finding| finding.id != rule.id));
    let passed = clean.map(|rule| Entry {
        rule: rule.id.clone(),
        level: Level::Passed,
        title: rule.title.clone(),
        object: String::new(),
        message: String::new(),
        remedy: String::new(),
        place: None,
        fingerprint: rule.id.clone(),
    });
    Sheet { name: "keyward audit".to_owned(), rules: rules.collect(), entries: found.chain(passed).collect() }
}

/// Returns a verification as a sheet: an attack that got through is an error. `file` as for an audit.
#[must_use]
pub fn verification(report: &verify::Report, file: &str) -> Sheet {
    let mut rules: Vec<About> = Vec::new();
    for verdict in &report.probes {
        if rules.iter().all(|about| about.rule != verdict.id) {
            rules.push(About {
                rule: verdict.id.clone(),
                level: Level::Error,
                title: verdict.vector.clone(),
                why: format!("Attacks the control {}.", verdict.control.as_str()),
                remedy: "keyward plan shows what is missing; keyward audit names the weakness.".to_owned(),
            });
        }
    }
    let entries = report.probes.iter().map(|verdict| Entry {
        rule: verdict.id.clone(),
        level: match verdict.outcome {
            Outcome::Skipped => Level::Skipped,
            _ if verdict.ok => Level::Passed,
            _ => Level::Error,
        },
        title: format!("{} as {}: {}", verdict.vector, verdict.role, verdict.outcome.as_str()),
        object: verdict.object.clone(),
        message: verdict.message.clone(),
        remedy: verdict.remedy.clone(),
        place: Some(Place { file: file.to_owned(), line: 1, column: None }),
        fingerprint: format!("{}:{}:{}", verdict.id, verdict.entry, verdict.role),
    });
    Sheet { name: "keyward verify".to_owned(), entries: entries.collect(), rules }
}

/// Returns a lint as a sheet.
#[must_use]
pub fn lint(report: &lint::Report) -> Sheet {
    let mut rules: Vec<About> = lint::rules()
        .iter()
        .map(|rule| About {
            rule: rule.id.to_owned(),
            level: rule.severity.into(),
            title: rule.title.to_owned(),
            why: rule.why.to_owned(),
            remedy: rule.remedy.to_owned(),
        })
        .collect();
    let mut entries = Vec::with_capacity(report.findings.len());
    for finding in &report.findings {
        if rules.iter().all(|about| about.rule != finding.id) {
            let title = finding.title.clone();
            let (why, remedy) = (title.clone(), finding.remedy.clone());
            rules.push(About { rule: finding.id.clone(), level: finding.severity.into(), title, why, remedy });
        }
        entries.push(Entry {
            rule: finding.id.clone(),
            level: finding.severity.into(),
            title: finding.title.clone(),
            object: finding.object.clone(),
            message: finding.detail.clone(),
            remedy: finding.remedy.clone(),
            place: Some(Place { file: finding.file.clone(), line: finding.line, column: Some(finding.column) }),
            fingerprint: finding.cache_key.clone(),
        });
    }
    let clean = lint::rules().iter().filter(|rule| report.findings.iter().all(|finding| finding.id != rule.id));
    let passed = clean.map(|rule| Entry {
        rule: rule.id.to_owned(),
        level: Level::Passed,
        title: rule.title.to_owned(),
        object: String::new(),
        message: String::new(),
        remedy: String::new(),
        place: None,
        fingerprint: rule.id.to_owned(),
    });
    entries.extend(passed);
    Sheet { name: "keyward lint".to_owned(), rules, entries }
}

/// A sheet for the tests of the formats.
#[cfg(test)]
pub(super) fn example() -> Sheet {
    let entry = |rule: &str, level| Entry {
        rule: rule.to_owned(),
        level,
        title: "a <b> & \"c\", 100%: d".to_owned(),
        object: "app.\"odd, name\"".to_owned(),
        message: "One line.\nAnother\u{1b}[31m.".to_owned(),
        remedy: "DROP VIEW x;\nDROP VIEW y;".to_owned(),
        place: Some(Place { file: "dir,a/keyward.toml".to_owned(), line: 3, column: Some(7) }),
        fingerprint: format!("{rule}:app.odd"),
    };
    let about = |rule: &str, level| About {
        rule: rule.to_owned(),
        level,
        title: "a title".to_owned(),
        why: "Why.".to_owned(),
        remedy: "Remedy.".to_owned(),
    };
    let mut passed = entry("KW103", Level::Passed);
    passed.place = None;
    Sheet {
        name: "keyward audit".to_owned(),
        rules: vec![about("KW101", Level::Error), about("KW102", Level::Note), about("KW103", Level::Warning)],
        entries: vec![
            entry("KW101", Level::Error),
            entry("KW102", Level::Note),
            entry("KW103", Level::Warning),
            entry("KW103", Level::Skipped),
            passed,
        ],
    }
}
