//! What a rule is, and the list of them.

use super::finding::Severity;
use super::ground::Ground;
use super::statement::Statement;

/// A rule: what it is about, its examples, and how it looks at a statement. The examples are its tests and its documentation; they are about the
/// manifest `src/lint/example.toml`.
#[derive(Debug)]
pub struct Rule {
    /// The stable name, such as `KWL022`.
    pub id: &'static str,
    /// The name of its file in `src/lint/rules`, without the extension.
    pub file: &'static str,
    /// How much its findings weigh, unless they say otherwise.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do in general; a finding may say it for its object.
    pub remedy: &'static str,
    /// Scripts in which it finds something, and no other rule of keyward's own does.
    pub bad: &'static [&'static str],
    /// Scripts in which no rule of keyward's own finds anything.
    pub good: &'static [&'static str],
    /// Looks at a statement. Rules about the file itself have nothing to look at.
    pub(crate) check: fn(&Ground<'_>, &Statement, &mut Hits),
}

/// What a rule found in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Where, in bytes of the statement's text; `None` for its beginning.
    pub(crate) at: Option<usize>,
    pub(crate) object: String,
    /// What was found; the rule adds why it matters.
    pub(crate) detail: String,
    /// In place of the rule's.
    pub(crate) remedy: Option<String>,
    /// In place of the rule's.
    pub(crate) severity: Option<Severity>,
}

/// What a rule collects.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pub(crate) found: Vec<Hit>,
    /// Objects about which the rule takes back what it found earlier in the file.
    pub(crate) mended: Vec<String>,
}

impl Hits {
    /// Adds a hit, and returns it to be refined.
    pub(crate) fn add(&mut self, at: Option<usize>, object: impl Into<String>, detail: impl Into<String>) -> &mut Hit {
        self.found.push(Hit { at, object: object.into(), detail: detail.into(), remedy: None, severity: None });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Takes back what was found about an object before: a later statement has mended it.
    pub(crate) fn mend(&mut self, object: impl Into<String>) {
        self.mended.push(object.into());
    }
}

impl Hit {
    pub(crate) fn remedy(&mut self, remedy: impl Into<String>) -> &mut Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = Some(severity);
        self
    }
}

/// Looks at nothing: the check of rules about the file itself, which are applied while it is read.
pub(crate) fn nothing(_: &Ground<'_>, _: &Statement, _: &mut Hits) {}

/// Returns every rule of keyward's own, by id.
#[must_use]
pub fn rules() -> &'static [Rule] {
    super::rules::ALL
}

/// Returns the rule of that id; upper or lower case.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.id.eq_ignore_ascii_case(id))
}
