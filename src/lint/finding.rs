//! A finding of the lint: an audit's finding with its place.

use serde::{Deserialize, Serialize};

pub use crate::audit::Severity;

/// A finding; the fields of an audit's, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it: `KWL022`, or `squawk/…` of the linter for locks and rewrites.
    pub id: String,
    /// How much it weighs.
    pub severity: Severity,
    /// One line, the same for all findings of the rule.
    pub title: String,
    /// What it is about, qualified; empty where it is about nothing in particular.
    pub object: String,
    /// What was found, and why it matters.
    pub detail: String,
    /// What to do instead.
    pub remedy: String,
    /// The same for the same finding in the next run, also when lines were added above: rule, file and object.
    pub cache_key: String,
    /// The file, as it was given or found.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
}
