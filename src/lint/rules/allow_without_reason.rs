//! Suppressions that say too little.

use super::prelude::*;

pub(super) const RULE: Rule = Rule {
    id: "KWL905",
    file: "allow_without_reason",
    severity: Error,
    title: "a suppression gives no reason, or names no rule",
    why: "It accepts nothing. Who reads it in a year must learn why this is right.",
    remedy: "-- keyward:allow KWL… reason.",
    bad: &["-- keyward:allow KWL030\nSELECT 1;", "-- keyward:allow because I say so\nSELECT 1;"],
    good: &[
        "-- keyward:allow KWL030 test accounts only\nALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT 'x';",
        "ALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT 'x'; -- keyward:allow KWL030 test accounts only",
        "-- keyward:allow-file KWL030 test accounts only\n\nSELECT 1;\nALTER TABLE app.locations ALTER COLUMN api_key SET DEFAULT 'x';",
    ],
    check: crate::lint::rule::nothing,
};
