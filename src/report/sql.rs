//! SQL, for review and for psql.

use crate::plan::Plan;

/// Returns a plan as one script with comments.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    plan.sql()
}
