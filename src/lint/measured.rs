//! What was measured, added to what was found: it overrules guesses, and comments accept it as well.

use super::Report;
use std::collections::HashMap;

use super::allow::Allow;
use super::finding::Finding;
use super::rule::rule;
use super::trace::Step;
use crate::script::Lines;

/// The rules about what is measured.
pub(crate) const MEASURED: [&str; 2] = [REWRITE, FAILURE];
const REWRITE: &str = "KWL070";
const FAILURE: &str = "KWL071";

/// Findings that say of a statement that it rewrites a table: where it was tried, the trace knows.
const GUESSES: [&str; 2] = ["squawk/adding-field-with-default", "squawk/changing-column-type"];

/// A line and a column.
type Place = (usize, usize);

/// A suppression that may be about what is measured: it waits for the trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    file: String,
    /// Which of its rules: those about what is measured, and guesses that this overrules.
    rules: Vec<String>,
    /// Where the comment is.
    at: Place,
    /// What it covers; `None` for the whole file.
    covers: Option<(Place, Place)>,
    used: Vec<String>,
}

impl Waiting {
    pub(crate) fn of(allow: &Allow, file: &str, lines: &Lines<'_>) -> Option<Self> {
        let concerns = |id: &&String| MEASURED.contains(&id.as_str()) || GUESSES.contains(&id.as_str());
        let rules: Vec<String> = allow.rules.iter().filter(concerns).cloned().collect();
        if rules.is_empty() || allow.reason.is_empty() {
            return None;
        }
        let covers = allow.covers.map(|(start, end)| (lines.place(start), lines.place(end)));
        if covers.is_none() && !allow.is_for_file {
            return None;
        }
        let covers = covers.filter(|_| !allow.is_for_file);
        Some(Self { file: file.to_owned(), rules, at: lines.place(allow.at), covers, used: Vec::new() })
    }

    fn is_about(&self, step: &Step) -> bool {
        let place = (step.line, step.column);
        self.file == step.file && self.covers.is_none_or(|(from, to)| from <= place && place <= to)
    }

    /// Tells whether it accepts a finding; who accepted the guess that a table is rewritten has accepted the rewrite.
    fn accepts(&mut self, id: &str, step: &Step) -> bool {
        let names = |known: &String| known == id || (id == REWRITE && GUESSES.contains(&known.as_str()));
        let before = self.used.len();
        if self.is_about(step) {
            self.used.extend(self.rules.iter().filter(|known| names(known)).cloned());
        }
        self.used.len() > before
    }
}

/// What is said of a rule that a suppression names in vain.
pub(crate) fn unused(id: &str) -> String {
    format!("It accepts {id}, which isn't found here.")
}

impl Report {
    /// Adds what was measured. It overrules what was only guessed: a statement that ran and rewrote nothing isn't said to do so.
    pub fn measured(&mut self, steps: Vec<Step>) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for step in &steps {
            let is_here =
                |finding: &Finding| finding.file == step.file && (step.line, step.column) <= (finding.line, finding.column);
            let next = steps.iter().filter(|other| other.file == step.file).map(|other| (other.line, other.column));
            let end = next.filter(|place| *place > (step.line, step.column)).min().unwrap_or((usize::MAX, 0));
            // A rewrite that was measured is told as one.
            if step.failure.is_none() {
                self.findings.retain(|finding| {
                    !(GUESSES.contains(&finding.id.as_str()) && is_here(finding) && (finding.line, finding.column) < end)
                });
            }
            let rewrites = step.rewrites.iter().map(|table| (REWRITE, table.clone(), format!("It rewrites {table}.")));
            let failure = step.failure.iter().map(|failure| (FAILURE, String::new(), format!("The server says: {failure}.")));
            for (id, object, said) in rewrites.chain(failure) {
                // Each that accepts it is of use.
                let accepted = waiting.iter_mut().map(|waiting| waiting.accepts(id, step)).filter(|accepts| *accepts).count() > 0;
                if accepted {
                    self.allowed += 1;
                } else {
                    self.add(id, &step.file, (step.line, step.column), &object, &said, &step.statement);
                }
            }
        }
        for waiting in &waiting {
            // What wasn't run, such as what undoes a migration, may do so another time.
            let in_vain = waiting.rules.iter().filter(|id| MEASURED.contains(&id.as_str()) && !waiting.used.contains(id));
            for id in in_vain.filter(|_| steps.iter().any(|step| waiting.is_about(step))) {
                self.add("KWL906", &waiting.file, waiting.at, id, &unused(id), "");
            }
        }
        let order: HashMap<&str, usize> = self.paths.iter().enumerate().map(|(nth, path)| (path.as_str(), nth)).collect();
        let nth = |finding: &Finding| order.get(finding.file.as_str()).copied();
        self.findings.sort_by_key(|finding| (nth(finding), finding.line, finding.column));
        self.trace = Some(steps);
    }

    fn add(&mut self, id: &str, file: &str, (line, column): Place, object: &str, said: &str, statement: &str) {
        let Some(rule) = rule(id) else { return };
        self.findings.push(Finding {
            id: rule.id.to_owned(),
            severity: rule.severity,
            title: rule.title.to_owned(),
            detail: format!("{said} {}", rule.why),
            remedy: rule.remedy.to_owned(),
            cache_key: format!("{}:{file}:{object}:{statement}", rule.id),
            object: if MEASURED.contains(&id) { object.to_owned() } else { String::new() },
            file: file.to_owned(),
            line,
            column,
        });
    }
}
