//! What differs between a plan that was kept and the one that would be made now: it is carried out as it was reviewed, or not at all.

use std::collections::BTreeMap;

use super::{Plan, Step};
use crate::error::{Error, Result};
use crate::ident::plain;

/// The most differences that are named.
const NAMED: usize = 10;

impl Plan {
    /// Checks that this plan is what would be made now, the approval aside.
    ///
    /// # Errors
    /// [`crate::error::Kind::Refused`], naming what differs: the parts of the manifest, what the plan relied on in the catalogue, or the
    /// steps that somebody edited.
    pub fn check_unchanged(&self, now: &Self) -> Result<()> {
        let refused = |what: String, differences: Vec<String>| {
            let more = differences.len().saturating_sub(NAMED);
            let mut lines: Vec<_> = differences.into_iter().take(NAMED).map(|line| format!("  {line}")).collect();
            if more > 0 {
                lines.push(format!("  and {more} more"));
            }
            let colon = if lines.is_empty() { "" } else { ":\n" };
            Err(Error::refused(format!("{what}{colon}{}", lines.join("\n")))
                .with_hint("run keyward plan again, review it, and apply the new one"))
        };
        if self.database != now.database {
            return refused(
                format!("the plan was made for the database {:?}, and this is {:?}", self.database, now.database),
                vec![],
            );
        }
        if self.manifest != now.manifest {
            let what = "the manifest has changed since the plan was made".to_owned();
            return refused(what, differences(&self.parts, &now.parts));
        }
        if self.fingerprint != now.fingerprint {
            let what = "the catalogue of the database has changed since the plan was made".to_owned();
            return refused(what, differences(&self.facts, &now.facts));
        }
        let edited = self.edited(now);
        if edited.is_empty() {
            return Ok(());
        }
        let why = if self.version == now.version {
            "somebody edited it".to_owned()
        } else {
            format!("keyward {} made it, and this is {}, or somebody edited it", self.version, now.version)
        };
        refused(format!("the plan is not what this keyward would do ({why})"), edited)
    }

    /// What differs in the plan itself, while manifest and catalogue are the same.
    fn edited(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.owner != now.owner {
            found.push("the owner".to_owned());
        }
        if self.facts != now.facts || self.parts != now.parts {
            found.push("the list of what it relies on".to_owned());
        }
        let named = |step: &Step| format!("the step {}", plain(&step.id));
        for step in &self.steps {
            match now.steps.iter().find(|other| other.id == step.id && other.action == step.action) {
                None => found.push(format!("{} is none of its steps", named(step))),
                Some(other) if other != step => {
                    found.push(format!("{}: its {}", named(step), fields(step, other).join(", ")));
                }
                Some(_) => {}
            }
        }
        let there = |step: &&Step| !self.steps.iter().any(|other| other.id == step.id && other.action == step.action);
        found.extend(now.steps.iter().filter(there).map(|step| format!("{} is missing", named(step))));
        if found.is_empty() && self.steps != now.steps {
            found.push("the order of the steps".to_owned());
        }
        for finding in &self.findings {
            if !now.findings.contains(finding) {
                found.push(format!("the finding {}", finding.id));
            }
        }
        let absent = now.findings.iter().filter(|finding| !self.findings.iter().any(|other| other.id == finding.id));
        found.extend(absent.map(|finding| format!("the finding {} is missing", finding.id)));
        if found.is_empty() && self.findings != now.findings {
            found.push("the order of the findings".to_owned());
        }
        found
    }
}

/// Returns what is new, gone, or other than before.
fn differences(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, digest) in now {
        match before.get(name) {
            None => found.push(format!("{name} is new")),
            Some(former) if former != digest => found.push(format!("{name} has changed")),
            Some(_) => {}
        }
    }
    found.extend(before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name} is gone")));
    found
}

/// Returns the fields of a step that differ.
fn fields(step: &Step, other: &Step) -> Vec<&'static str> {
    let all = [
        ("reason", step.why != other.why),
        ("file", step.file != other.file),
        ("sql", step.sql != other.sql),
        ("undo", step.undo != other.undo),
        ("lock", step.lock != other.lock),
        ("hazards", step.hazards != other.hazards),
        ("role", step.role != other.role),
        ("group", step.group != other.group),
        ("how", step.how != other.how),
        ("checksum", step.sha256 != other.sha256),
        ("former name", step.replaces != other.replaces),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
