//! SQL, for review and for psql.

use crate::ident::Ident;
use crate::plan::{Plan, Step, script};

/// Returns a plan as one script with comments.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    plan.sql()
}

/// Returns steps as one script with comments.
#[must_use]
pub fn steps(steps: &[Step], owner: &Ident) -> String {
    script(steps, owner)
}
