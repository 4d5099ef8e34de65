//! Statements that fail when they are tried.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL071",
    file: "traced_failure",
    severity: Error,
    title: "a statement failed when it was tried",
    why: "It was run on a sandbox that had the schema and the migrations before it.",
    remedy: "Correct it, or load the schema that it is meant for.",
    bad: &[],
    good: &[],
    check: crate::lint::rule::nothing,
};
