//! Every way around keyward that the catalogue shows, and every copy of a key that sealing doesn't reach.
//!
//! Two kinds of checks make [`Finding`]s: queries of `sql/audit/`, a file each, and pure functions of manifest, [`Snapshot`] and
//! [`Plan`] in `checks`. What the plan knows already, drift and obstacles, isn't computed a second time, only named more
//! precisely. Everything is read in one transaction that can't write, under no lock stronger than ACCESS SHARE.

mod baseline;
mod checks;
mod evidence;
mod finding;
mod rule;
mod sample;
mod sql;

use serde::Serialize;

use crate::catalog::{self, Snapshot};
use crate::db::Db;
use crate::error::Result;
use crate::manifest::Manifest;
use crate::plan::Plan;

pub use baseline::{Accepted, Baseline};
pub use finding::{Finding, Severity};
pub use rule::{Rule, rule, rules};

/// The `"schema"` of an audit's JSON document.
pub const SCHEMA: &str = "keyward/audit/v1";

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The database's name.
    pub database: String,
    /// `server_version_num`, such as 150018.
    pub server_version: u32,
    /// The role that looked.
    pub role: String,
    /// When and by whom the manifest in force was applied; `None` where none was.
    pub applied: Option<String>,
    /// The findings, the weightiest first.
    pub findings: Vec<Finding>,
    /// How many findings the baseline accepts.
    pub accepted: usize,
    /// How many findings are below the severity asked for.
    pub below: usize,
}

impl Report {
    /// Leaves out what the baseline accepts, and adds what it accepts in vain.
    pub fn accept(&mut self, baseline: &Baseline) {
        let before = self.findings.len();
        let gone = baseline.gone(&self.findings);
        self.findings.retain(|finding| !baseline.accepts(finding));
        self.accepted += before - self.findings.len();
        self.findings.extend(gone);
        sort(&mut self.findings);
    }

    /// Leaves out findings below a severity.
    pub fn from_severity(&mut self, least: Severity) {
        let before = self.findings.len();
        self.findings.retain(|finding| finding.severity >= least);
        self.below += before - self.findings.len();
    }
}

/// How an audit looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Compare so many keys of each kind with values elsewhere; none unless told.
    pub sample: Option<u32>,
}

/// Audits a database against a manifest.
///
/// # Errors
/// As [`Snapshot::read`] and [`Plan::make`]. What the connected role may not see is a finding, no error.
pub async fn audit(db: &mut Db, manifest: &Manifest, options: Options) -> Result<Report> {
    // The catalogue's statistics make JIT seem worth its while in a database of many tables; it isn't.
    db.execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '60s'; SET LOCAL jit = off",
    )
    .await?;
    let report = look(db, manifest, options).await;
    // Nothing was written; if this fails, the connection is gone and so is the transaction.
    let _ = db.execute("ROLLBACK").await;
    report
}

async fn look(db: &mut Db, manifest: &Manifest, options: Options) -> Result<Report> {
    let snapshot = Snapshot::read(db, manifest).await?;
    let plan = Plan::make(manifest, &snapshot)?;
    let templates = sql::templates()?;
    let values = sql::values(manifest, &snapshot);
    let mut findings = Vec::new();
    let mut evidence = evidence::gather(db, manifest, &templates, &values, &mut findings).await?;
    if snapshot.installed.is_some() {
        evidence.applied = catalog::applied_manifest(db)
            .await?
            .map(|applied| format!("{} by {}", applied.applied_at.strftime("%Y-%m-%d %H:%M UTC"), applied.applied_by));
    }
    for (file, _) in sql::CHECKS {
        let Some(rule) = rules().iter().find(|rule| rule.file.strip_prefix("sql/") == Some(file)) else { continue };
        if !sql::applies(rule, manifest, &snapshot) {
            continue;
        }
        match evidence::attempt::<sql::Row>(db, &templates.render(file, &values)?.sql).await? {
            Ok(rows) => findings.extend(rows.into_iter().map(|row| row.finding(rule))),
            Err(failure) => findings.push(evidence::blind(&rule.id, &failure)),
        }
    }
    let ground = checks::Ground { manifest, snapshot: &snapshot, plan: &plan, evidence: &evidence };
    findings.extend(checks::run(&ground));
    if let Some(keys) = options.sample {
        findings.extend(sample::sample(db, manifest, &snapshot, keys).await?);
    }
    sort(&mut findings);
    Ok(Report {
        schema: SCHEMA,
        database: snapshot.server.database.clone(),
        server_version: snapshot.server.version_num,
        role: snapshot.server.runner.as_str().to_owned(),
        applied: evidence.applied,
        findings,
        accepted: 0,
        below: 0,
    })
}

/// Sorts by weight, then rule, then object; the same finding twice is one.
fn sort(findings: &mut Vec<Finding>) {
    findings
        .sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)).then_with(|| a.cache_key.cmp(&b.cache_key)));
    findings.dedup_by(|a, b| a.cache_key == b.cache_key);
}
