//! psql's \i.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL907",
    file: "includes_file",
    severity: Note,
    title: "a file includes another one",
    why: "What is in there isn't followed.",
    remedy: "Lint that file too.",
    bad: &["\\i other.sql\nSELECT 1;"],
    good: &["\\echo done\nSELECT 1;"],
    check: crate::lint::rule::nothing,
};
