//! Rewrites that were measured.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL070",
    file: "traced_rewrite",
    severity: Warning,
    title: "a statement rewrites a table",
    why: "This was measured: the table got another file. Nobody reads or writes it as long as its rows are copied.",
    remedy: "Add a new column, fill it in batches, and change over; or do it while nothing else is done.",
    bad: &[],
    good: &[],
    check: crate::lint::rule::nothing,
};
