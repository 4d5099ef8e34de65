//! Whether the manifest is applied at all, and whole.

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;

pub(super) const RULES: &[Declared] = &[
    (
        "KW101",
        Severity::Error,
        "keyward is not applied",
        "Nothing of the manifest is enforced in this database.",
        "Run keyward plan, then keyward apply.",
    ),
    (
        "KW102",
        Severity::Warning,
        "the database is behind the manifest",
        "The manifest, or this version of keyward, wants more or something else than was applied; or an apply was not finished.",
        "Run keyward plan, then keyward apply.",
    ),
    (
        "KW138",
        Severity::Error,
        "the guards are off",
        "keyward.policy says what the guards do. With mode off they let everything pass; without its row they enforce, but the default for \
         accounts without a setting is lost.",
        "UPDATE keyward.policy SET mode = 'enforce'; without a row: INSERT INTO keyward.policy DEFAULT VALUES, and the defaults as they were.",
    ),
    (
        "KW901",
        Severity::Note,
        "something could not be seen",
        "The connected role may not look there, so the audit says nothing about it.",
        "Audit as a role that may see it, or as a superuser.",
    ),
    (
        "KW902",
        Severity::Warning,
        "an accepted finding no longer occurs",
        "A baseline that accepts what isn't there would hide it when it comes back.",
        "Remove it from the baseline.",
    ),
];

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    let database = &ground.plan.database;
    if !ground.is_applied() {
        let steps = ground.plan.steps.len();
        return vec![Finding::new("KW101", database.as_str(), format!("Apply would take {steps} steps."))];
    }
    let mut found = Vec::new();
    let pending: Vec<_> = ground.plan.steps.iter().filter(|step| super::drift::is_pending(ground, step)).collect();
    if let Some(first) = pending.first() {
        let more = if pending.len() > 1 { format!(" and {} more", pending.len() - 1) } else { String::new() };
        found.push(Finding::new("KW102", database.as_str(), format!("To be done: {}{more}.", first.id)));
    }
    let mode = ground.snapshot.installed.as_ref().and_then(|installed| installed.mode.as_deref());
    if mode != Some("enforce") {
        let what = mode.map_or_else(|| "Its row is missing.".to_owned(), |mode| format!("Its mode is {mode}."));
        found.push(Finding::new("KW138", "keyward.policy", what));
    }
    found
}
