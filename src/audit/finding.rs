//! A finding of the audit: what is open, why it matters, how to close it.

use serde::{Deserialize, Serialize};

use super::rule;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// A copy of keys, or a weakness behind another wall.
    Warning,
    /// A way around.
    Error,
}

impl Severity {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// Reads the word for it.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Note, Self::Warning, Self::Error].into_iter().find(|severity| severity.as_str() == word)
    }
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it, such as `KW104`.
    pub id: String,
    /// How much it weighs.
    pub severity: Severity,
    /// One line, the same for all findings of the rule, or the plan's own.
    pub title: String,
    /// What it is about, qualified.
    pub object: String,
    /// What was found, and why it matters.
    pub detail: String,
    /// How to close it, as SQL where there is some.
    pub remedy: String,
    /// The same for the same finding in the next run: the rule and the object.
    pub cache_key: String,
}

impl Finding {
    /// Makes a finding of a rule, with the rule's title and remedy; `detail` is what was found, and the rule adds why it matters.
    pub(super) fn new(id: &str, object: impl Into<String>, detail: impl AsRef<str>) -> Self {
        let object = object.into();
        let rule = rule::rule(id);
        let why = rule.map_or("", |rule| rule.why.as_str());
        Self {
            id: id.to_owned(),
            severity: rule.map_or(Severity::Error, |rule| rule.severity),
            title: rule.map_or(id, |rule| rule.title.as_str()).to_owned(),
            detail: [detail.as_ref(), why].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "),
            remedy: rule.map_or("", |rule| rule.remedy.as_str()).to_owned(),
            cache_key: format!("{id}:{object}"),
            object,
        }
    }

    /// Gives the remedy for this very object; an empty one leaves the rule's.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        let remedy = remedy.into();
        if !remedy.is_empty() {
            self.remedy = remedy;
        }
        self
    }

    /// Tells findings on one object apart.
    pub(super) fn keyed(mut self, key: &str) -> Self {
        self.cache_key = format!("{}:{}", self.cache_key, key);
        self
    }
}
