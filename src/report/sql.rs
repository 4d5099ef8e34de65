//! SQL, for review and for psql.

use crate::error::Result;
use crate::plan::{Plan, Script, Step, script};

/// Returns a plan as one script with comments.
///
/// # Errors
/// As [`Plan::sql`].
pub fn plan(plan: &Plan) -> Result<String> {
    plan.sql()
}

/// Returns steps as one script with comments.
///
/// # Errors
/// As [`script`].
pub fn steps(about: &Script<'_>, steps: &[Step]) -> Result<String> {
    script(about, steps)
}
