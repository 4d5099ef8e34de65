//! What apply would do: the difference between what the manifest wants and what the database has.
//!
//! A plan is a pure function of manifest and [`Snapshot`]. On an applied database it is empty; after somebody has tampered
//! with it, it is exactly the repair. Nothing here talks to a server.

pub(crate) mod context;
mod diff;
mod enforce;
mod finding;
mod graph;
mod obstacles;
mod removal;
mod stamp;
mod step;
mod wall;
mod wanted;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

pub use finding::{Finding, Severity};
pub(crate) use graph::{arrows, reach};
pub use removal::removal;
pub use stamp::{STAMP, stamped};
pub use step::{Action, Hazard, How, Lock, RunAs, Step};
pub(crate) use wall::affected;

use crate::catalog::Snapshot;
use crate::error::Result;
use crate::ident::Ident;
use crate::manifest::Manifest;
use crate::parse;

/// The `"schema"` of a plan's JSON document.
pub const SCHEMA: &str = "keyward/plan/v1";

/// What apply would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The database's name.
    pub database: String,
    /// The checksum of the manifest.
    pub manifest: String,
    /// The role that owns everything in the schema keyward.
    pub owner: Ident,
    /// The checksum of everything in the database that the plan relied on.
    pub fingerprint: String,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What stands in the way of enforcement, or weakens it.
    pub findings: Vec<Finding>,
}

impl Plan {
    /// Makes the plan that brings the database to what the manifest wants.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the manifest names what doesn't exist; [`crate::error::Kind::Bug`] if a template is broken.
    pub fn make(manifest: &Manifest, snapshot: &Snapshot) -> Result<Self> {
        obstacles::validate(manifest, snapshot)?;
        let mut findings = graph::findings(manifest, snapshot);
        findings.extend(obstacles::findings(manifest, snapshot));
        findings.extend(wall::findings(manifest, snapshot));

        let mut steps = diff::bootstrap(manifest, snapshot);
        let wanted = wanted::wanted(manifest, snapshot)?;
        let renames = diff::renames(manifest, snapshot);
        for (former, key) in &renames {
            steps.push(diff::rename(former, key, &wanted)?);
        }
        let vaults: Vec<_> = steps.iter().filter(|step| step.replaces.is_some()).map(|step| step.id.clone()).collect();
        for want in wanted.iter().filter(|want| !vaults.contains(&want.identity)) {
            match diff::compare(want, snapshot) {
                diff::Verdict::Nothing => {}
                diff::Verdict::Step(step) => steps.push(step),
                diff::Verdict::Obstacle(finding) => findings.push(finding),
            }
        }
        let mut drops = removal::drops(&wanted, snapshot, &renames);
        wall::out_of_the_vault(manifest, &mut steps, &mut drops);
        wall::into_the_vault(manifest, snapshot, &mut steps)?;
        steps.extend(drops);
        if !renames.is_empty() {
            // The old guards look for the old vault: old and new change places in one transaction.
            let from = steps.iter().position(|step| step.replaces.is_some()).unwrap_or_default();
            for step in &mut steps[from..] {
                step.group = Some("rename".to_owned());
            }
        }
        let sha256 = manifest.sha256();
        let recorded = snapshot.installed.as_ref().and_then(|installed| installed.manifest_sha256.as_deref());
        if recorded != Some(sha256.as_str()) {
            steps.push(diff::record_manifest(manifest, &sha256)?);
        }
        for step in steps.iter().filter(|step| step.how != How::Migrate) {
            parse::check(&step.sql)?;
            parse::check(&step.undo)?;
        }
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        findings.dedup_by(|a, b| a.id == b.id);
        Ok(Self {
            schema: SCHEMA.to_owned(),
            database: snapshot.server.database.clone(),
            manifest: sha256,
            owner: manifest.roles.owner.clone(),
            fingerprint: snapshot.fingerprint(),
            steps,
            findings,
        })
    }

    /// Tells whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the findings that forbid to apply, given the risks that were accepted by name.
    #[must_use]
    pub fn refusals(&self, accepted: &[String]) -> Vec<&Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refusal)
            .filter(|finding| !(finding.can_be_accepted && accepted.contains(&finding.id)))
            .collect()
    }

    /// Returns the whole plan as one SQL script, as [`script`] does, stamped so that the lint knows it for keyward's own.
    #[must_use]
    pub fn sql(&self) -> String {
        stamp::stamp(&script(&self.steps, &self.owner), &self.manifest)
    }
}

/// Returns steps as one SQL script with comments, for review and for psql: transactions and roles are as apply would set them.
/// Only apply records what it does, though.
#[must_use]
pub fn script(steps: &[Step], owner: &Ident) -> String {
    let mut script = String::new();
    let mut open: Option<&str> = None;
    for step in steps {
        let group = step.group.as_deref();
        if open.is_some() && open != group {
            script.push_str("COMMIT;\n\n");
        }
        if group.is_some() && open != group {
            script.push_str("BEGIN;\n");
        }
        open = group;
        let role = match step.role {
            RunAs::Owner => format!("SET ROLE {owner};"),
            RunAs::Runner => "RESET ROLE;".to_owned(),
        };
        // Writing to a String can't fail.
        let _ = writeln!(script, "-- {}\n-- {}\n{role}\n{}\n", step.id, step.why, step.sql);
    }
    if open.is_some() {
        script.push_str("COMMIT;\n");
    }
    if !script.is_empty() {
        script.push_str("RESET ROLE;\n");
    }
    script
}
