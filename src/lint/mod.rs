//! Migrations that would reopen a hole in what the manifest protects, found before they run.
//!
//! One way through: reading ([`crate::script`]: files of any tool become pieces) → statements (`statement`, `body`: what each does, and what is inside it) →
//! rules (`rules`, a file each; what they may ask is in `ground`, what earlier statements have changed in `world`) → findings (`script`, which applies the
//! suppressions of `allow`). Locks and rewrites are found by another linter (`hazards`). No database is asked.

mod allow;
mod body;
mod finding;
mod ground;
mod hazards;
mod measured;
mod own;
mod rule;
mod rules;
mod script;
mod statement;
mod trace;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::error::Result;
use crate::manifest::Manifest;

pub use crate::script::{STDIN, Source, files};
pub use finding::{Finding, Severity};
pub use rule::{Rule, rule, rules};
pub use trace::{Held, Step, trace};

use world::World;

/// The `"schema"` of a lint's JSON document.
pub const SCHEMA: &str = "keyward/lint/v1";

/// The manifest that the rules' examples are about.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The stack of a thread that parses: Postgres's parser calls itself, and so do those who take its tree apart.
const STACK: usize = 32 << 20;

/// What a lint found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// How many files were read.
    pub files: usize,
    /// How many statements they hold.
    pub statements: usize,
    /// The findings, file by file, in the order of the text.
    pub findings: Vec<Finding>,
    /// How many findings comments in the files accept.
    pub allowed: usize,
    /// How many findings are below the severity asked for.
    pub below: usize,
    /// What was measured, if the migrations were tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<Step>>,
    /// Suppressions of what is found by trying.
    #[serde(skip)]
    waiting: Vec<measured::Waiting>,
    /// The files, in their order.
    #[serde(skip)]
    paths: Vec<String>,
}

impl Report {
    /// Leaves out findings below a severity.
    pub fn from_severity(&mut self, least: Severity) {
        let before = self.findings.len();
        self.findings.retain(|finding| finding.severity >= least);
        self.below += before - self.findings.len();
    }

    /// Tells whether there is more than notes.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity > Severity::Note)
    }
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Look into what undoes a migration, too.
    pub down: bool,
    /// Look for locks and rewrites.
    pub hazards: bool,
    /// The major version of PostgreSQL that locks and rewrites are judged for.
    pub pg_version: u32,
}

/// The major version that locks and rewrites are judged for, unless told: the oldest that keyward supports.
pub const PG_VERSION: u32 = 14;

impl Default for Options {
    fn default() -> Self {
        Self { down: true, hazards: true, pg_version: PG_VERSION }
    }
}

/// Lints files, `-` being standard input, in the order in which they run; see [`files`] for directories.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if one can't be read.
pub fn lint(manifest: &Manifest, paths: &[String], options: &Options) -> Result<Report> {
    run(manifest, paths, options, &|path| Source::load(path))
}

/// Lints texts, as [`lint`] does with files.
#[must_use]
pub fn lint_sources(manifest: &Manifest, sources: &[Source], options: &Options) -> Report {
    // Cloning can't fail.
    run(manifest, sources, options, &|source| Ok(source.clone())).unwrap_or_else(|_| empty())
}

fn empty() -> Report {
    Report {
        schema: SCHEMA,
        files: 0,
        statements: 0,
        findings: Vec::new(),
        allowed: 0,
        below: 0,
        trace: None,
        waiting: Vec::new(),
        paths: Vec::new(),
    }
}

fn run<I: Sync>(
    manifest: &Manifest,
    inputs: &[I],
    options: &Options,
    load: &(dyn Fn(&I) -> Result<Source> + Sync),
) -> Result<Report> {
    let start = World::default();
    let mut results = in_parallel(inputs, &|input| Ok(script::lint(&load(input)?, manifest, &start, options)))?;
    // What a file renames, the later ones call by its new name: they are read again. It is rare.
    let mut world = start;
    for at in 0..inputs.len() {
        if !world.renames.is_empty() {
            let source = load(&inputs[at])?;
            let world = world.of_next_file();
            let again = in_parallel(&[source], &|source| Ok(script::lint(source, manifest, &world, options)))?;
            results.splice(at..=at, again);
        }
        if !results[at].renames.is_empty() {
            world.renames = results[at].renames.clone();
        }
    }
    let mut report = empty();
    for result in results {
        report.files += 1;
        report.paths.push(result.path);
        report.statements += result.statements;
        report.allowed += result.allowed;
        report.findings.extend(result.findings);
        report.waiting.extend(result.waiting);
    }
    Ok(report)
}

/// Does something with each, on as many threads as there are processors, and returns the results in order.
fn in_parallel<I: Sync, T: Send>(all: &[I], each: &(dyn Fn(&I) -> Result<T> + Sync)) -> Result<Vec<T>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(all.len());
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, T)>> {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(at) else { return Ok(done) };
            done.push((at, each(one)?));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..workers).map(|_| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)).collect();
        let mut done = Vec::with_capacity(all.len());
        for thread in threads {
            let thread = thread.map_err(|error| crate::error::Error::usage("can't start a thread").with_source(error))?;
            match thread.join() {
                Ok(part) => done.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok::<_, crate::error::Error>(done)
    })?;
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
