//! The checks in Rust: pure functions of manifest, snapshot, plan and evidence, one file each, with the rules they find by.

mod drift;
mod functions;
mod not_applied;
mod own_tables;
mod plan_says;
mod reach;
mod sampled;
mod server;
mod statements;
mod walls;

use crate::catalog::Snapshot;
use crate::manifest::Manifest;
use crate::plan::Plan;

use super::evidence::Evidence;
use super::finding::Finding;
use super::rule::Declared;

/// What the checks look at.
pub(super) struct Ground<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Plan,
    pub(super) evidence: &'a Evidence,
}

impl Ground<'_> {
    /// Tells whether something was applied here, even if not all of it.
    fn is_applied(&self) -> bool {
        self.snapshot.installed.as_ref().is_some_and(|installed| !installed.objects.is_empty() || installed.manifest.is_some())
    }

    /// Returns when something has changed: `after the apply of …`.
    fn after(&self) -> String {
        self.evidence
            .applied
            .as_ref()
            .map_or_else(|| "after it was installed".to_owned(), |applied| format!("after the apply of {applied}"))
    }
}

/// The rules of each file.
pub(super) const DECLARED: &[(&str, &[Declared])] = &[
    ("drift", drift::RULES),
    ("functions", functions::RULES),
    ("not_applied", not_applied::RULES),
    ("own_tables", own_tables::RULES),
    ("plan_says", plan_says::RULES),
    ("reach", reach::RULES),
    ("sampled", sampled::RULES),
    ("server", server::RULES),
    ("statements", statements::RULES),
    ("walls", walls::RULES),
];

/// Runs all of them.
pub(super) fn run(ground: &Ground<'_>) -> Vec<Finding> {
    let checks = [
        not_applied::check,
        drift::check,
        own_tables::check,
        plan_says::check,
        reach::check,
        functions::check,
        server::check,
        statements::check,
        walls::check,
    ];
    checks.iter().flat_map(|check| check(ground)).collect()
}
