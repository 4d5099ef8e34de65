//! JSON documents, each with its `"schema": "keyward/<kind>/v1"`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::ident::plain;
use crate::plan::{self, Plan};

/// Returns a plan as `keyward/plan/v1`, indented, with a newline at its end.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it can't be written.
pub fn plan(plan: &Plan) -> Result<String> {
    document(plan)
}

/// Returns a plan as JSON, with the statements that it breaks where they were looked for; [`read_plan`] reads it without them.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it can't be written.
pub fn plan_with(plan: &Plan, evidence: Option<&Evidence>) -> Result<String> {
    #[derive(Serialize)]
    struct With<'a> {
        #[serde(flatten)]
        plan: &'a Plan,
        #[serde(skip_serializing_if = "Option::is_none")]
        evidence: Option<&'a Evidence>,
    }
    document(&With { plan, evidence })
}

/// Reads a plan that [`plan()`] wrote; `file` names it in messages.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if it is no JSON, no plan, or one of another version.
pub fn read_plan(text: &str, file: &str) -> Result<Plan> {
    #[derive(Deserialize)]
    struct Head {
        schema: Option<String>,
    }
    let again = "write it anew with keyward plan --out FILE";
    let head: Head = serde_json::from_str(text)
        .map_err(|error| Error::usage(format!("{file} is not a plan")).with_source(error).with_hint(again))?;
    match head.schema.as_deref() {
        Some(plan::SCHEMA) => {}
        Some(other) => {
            return Err(
                Error::usage(format!("{file} is a {other:?}, and this keyward reads {:?}", plan::SCHEMA)).with_hint(again)
            );
        }
        None => return Err(Error::usage(format!("{file} is not a plan: it names no schema")).with_hint(again)),
    }
    let plan: Plan = serde_json::from_str(text)
        .map_err(|error| Error::usage(format!("{file} is not a whole plan")).with_source(error).with_hint(again))?;
    let mut seen = HashSet::new();
    match plan.steps.iter().find(|step| !seen.insert((&step.id, step.action))) {
        Some(step) => Err(Error::usage(format!("{file} has the step {} twice", plain(&step.id))).with_hint(again)),
        None => Ok(plan),
    }
}

/// Returns a value as an indented JSON document with a newline at its end.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it can't be written.
pub fn document<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Error::bug("a report can't be written as JSON").with_source(error))
}
