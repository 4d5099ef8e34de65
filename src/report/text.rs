//! Text, for people.

use std::fmt::Write as _;

use crate::plan::Plan;

use super::Paint;

/// Returns a plan for reading: what stands in the way, then the steps, then the totals.
#[must_use]
pub fn plan(plan: &Plan, verbose: bool, paint: Paint) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let _ = writeln!(text, "{}", paint.bold(&step.id));
        if verbose {
            let _ = writeln!(text, "{}", step.sql);
        }
    }
    text
}
