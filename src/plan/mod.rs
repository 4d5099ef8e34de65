//! What apply would do: the difference between what the manifest wants and what the database has.
//!
//! A plan is a pure function of manifest and [`Snapshot`]. On an applied database it is empty; after somebody has tampered
//! with it, it is exactly the repair. Nothing here talks to a server.

mod account_types;
mod approval;
mod changed;
pub(crate) mod context;
mod diff;
mod enforce;
mod finding;
mod graph;
mod obstacles;
mod removal;
mod script;
mod stamp;
mod step;
mod wall;
mod wanted;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use approval::Approval;
pub use finding::{Finding, Severity};
pub(crate) use graph::{arrows, reach};
pub use removal::removal;
pub(crate) use script::RUNNER;
pub use script::{Script, script};
pub use stamp::{STAMP, stamped};
pub use step::{Action, HAZARDS, Hazard, How, Lock, RunAs, Step};
pub(crate) use wall::{affected, openings};

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
    /// The version of keyward that made it.
    pub version: String,
    /// The database's name.
    pub database: String,
    /// The checksum of the manifest.
    pub manifest: String,
    /// The role that owns everything in the schema keyward.
    pub owner: Ident,
    /// The checksum of everything in the database that the plan relied on.
    pub fingerprint: String,
    /// What it was allowed when it was made.
    pub approved: Approval,
    /// The checksum of each part of the manifest, so that what has changed can be named.
    pub parts: BTreeMap<String, String>,
    /// The checksum of each thing that the plan relied on, likewise.
    pub facts: BTreeMap<String, String>,
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
        removal::keep_guards_that_come_back(&mut steps);
        findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        findings.dedup_by(|a, b| a.id == b.id);
        Ok(Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: snapshot.server.database.clone(),
            manifest: sha256,
            owner: manifest.roles.owner.clone(),
            fingerprint: snapshot.fingerprint(),
            approved: Approval::default(),
            parts: manifest.parts(),
            facts: snapshot.facts(),
            steps,
            findings,
        })
    }

    /// Tells whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
