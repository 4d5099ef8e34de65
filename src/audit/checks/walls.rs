//! Walls that don't hold any more: what the plan would take back or grant of columns, with who comes to the key by it.

use super::{Finding, Ground};
use crate::audit::finding::Severity;
use crate::audit::rule::Declared;
use crate::plan::openings;

pub(super) const RULES: &[Declared] = &[
    (
        "KW230",
        Severity::Error,
        "an API role may read or write a key behind its wall",
        "With hide = \"revoke\" the key stays in its column, and nothing but privileges keeps API roles from it. They add up: one on the table, on the \
         column or on a partition, held by the role, a group or PUBLIC, is enough.",
        "Run keyward apply: it takes the privilege back, and grants the other columns.",
    ),
    (
        "KW231",
        Severity::Warning,
        "API roles lack a column that came after the wall",
        "Behind a wall each column has a grant of its own: a new one has none, and statements of API roles that name it are refused.",
        "Run keyward apply: it grants the column.",
    ),
];

/// Tells whether a step is about the column grants of a wall.
pub(super) fn is_grant(id: &str) -> bool {
    id.starts_with("column grants of ")
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Finding> {
    if !ground.is_applied() {
        return Vec::new();
    }
    let steps = ground.plan.steps.iter().filter(|step| is_grant(&step.id) && !super::drift::is_pending(ground, step));
    // What the plan could be made of can be looked at, too.
    let openings = openings(ground.manifest, ground.snapshot).unwrap_or_default();
    let mut found = Vec::new();
    for step in steps {
        let Some(opening) = openings.get(&step.id) else { continue };
        let object = format!("{} for {}", opening.on.human(), opening.holder);
        if !opening.open.is_empty() {
            let through = if opening.chain.is_empty() { String::new() } else { format!(": {}", opening.chain) };
            let detail = format!("{} is granted to {}{through}.", opening.open.join(", "), opening.holder);
            found.push(Finding::new("KW230", object.as_str(), detail).remedy(step.sql.trim()));
        }
        if !opening.missing.is_empty() {
            let detail = format!("It holds what it held before the wall, but not {}.", opening.missing.join(", "));
            found.push(Finding::new("KW231", object, detail).remedy(step.sql.trim()));
        }
    }
    found
}
