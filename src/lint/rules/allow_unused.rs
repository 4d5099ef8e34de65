//! Suppressions in vain.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL906",
    file: "allow_unused",
    severity: Warning,
    title: "a suppression accepts nothing",
    why: "What it accepted isn't found here any more, or never was: left alone, it would hide the next one.",
    remedy: "Take it out.",
    bad: &["-- keyward:allow KWL030 test accounts only\nSELECT 1;", "-- keyward:allow KWL999 no such rule\nSELECT 1;"],
    good: &["-- keyward:allow KWL030 test accounts only\nALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT 'x';"],
    check: crate::lint::rule::nothing,
};
