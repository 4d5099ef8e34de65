//! Other encodings.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL903",
    file: "not_utf8",
    severity: Error,
    title: "a file isn't UTF-8",
    why: "Names and strings with other characters than ASCII can't be told for what they are.",
    remedy: "Save it as UTF-8.",
    bad: &[],
    good: &[],
    check: crate::lint::rule::nothing,
};
