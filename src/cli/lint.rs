//! `keyward lint`.

use std::path::PathBuf;

use crate::audit::Severity;
use crate::error::{Error, Result};
use crate::lint::{self, Options, Source, Step};
use crate::manifest::Manifest;
use crate::rehearsal;
use crate::report::{entry, findings, github, json, junit, sarif};
use crate::sandbox::Listen;
use crate::script;

use super::Exit;
use super::args::Output;
use super::context::Context;

const EXAMPLES: &str = "\
Needs the manifest only; no database is asked, unless --trace tries the migrations on a sandbox (of the live database it takes the schema
alone, with pg_dump, and no row). Reads plain SQL and what refinery, sqlx, Flyway, dbmate, goose, golang-migrate, psql and
others make of it; a directory gives its .sql files in the order of their numbers, - is standard input.
Exit code 1 if a warning or an error is reported; notes only tell. A comment accepts a finding, with its reason:
  -- keyward:allow KWL030 test accounts only          the next statement, or the one it stands behind
  -- keyward:allow-file KWL030 test accounts only     the whole file

Examples:
  keyward lint migrations/
  keyward lint --output github $(git diff --name-only origin/main -- migrations)
  keyward lint --explain KWL023                       what a rule is about, with examples
  keyward lint --trace V7__x.sql                      which locks it takes, tried on a server of its own with the live database's schema
  keyward lint --trace --schema schema.sql V7__x.sql  the same with a dump's schema";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::doc_markdown, reason = "they are help texts, shown as they stand")]
pub(crate) struct Args {
    /// Migration files, directories of them, or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "explain")]
    files: Vec<String>,
    /// Report nothing below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "note", value_parser = super::audit::severity)]
    min_severity: Severity,
    /// Leave out what undoes a migration: down sections, *.down.sql, Flyway's U….sql
    #[arg(long)]
    no_down: bool,
    /// Leave out locks and rewrites, the findings named squawk/…
    #[arg(long)]
    no_hazards: bool,
    /// Judge locks and rewrites for this major version of PostgreSQL
    #[arg(long, value_name = "VERSION", default_value_t = lint::PG_VERSION, value_parser = clap::value_parser!(u32).range(10..=30))]
    pg_version: u32,
    /// Run the migrations on a sandbox that has the schema of --schema, or else of the live database, and tell the locks and rewrites that were
    /// really seen
    #[arg(long)]
    trace: bool,
    /// The schema before the migrations: a dump of the schema alone, or a directory of migrations
    #[arg(long, value_name = "FILE|DIR", requires = "trace")]
    schema: Option<String>,
    /// Take the sandbox's programs from this directory and nowhere else, and pg_dump if it is there
    #[arg(long, value_name = "DIR", requires = "trace")]
    bin_dir: Option<PathBuf>,
    /// Print what a rule is about, why, and what to do; without an ID, list them all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
}

/// Lints.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    if let Some(id) = &args.explain {
        return explain(context, id);
    }
    let manifest = context.manifest()?;
    let options = Options { down: !args.no_down, hazards: !args.no_hazards, pg_version: args.pg_version };
    let paths = lint::files(&args.files)?;
    let sources = if args.trace { Some(paths.iter().map(|path| Source::load(path)).collect::<Result<Vec<_>>>()?) } else { None };
    let mut report = match &sources {
        Some(sources) => lint::lint_sources(&manifest, sources, &options),
        None => lint::lint(&manifest, &paths, &options)?,
    };
    if let Some(sources) = &sources {
        report.measured(trace(context, &manifest, args, sources).await?);
    }
    report.from_severity(args.min_severity);
    let sheet = entry::lint(&report);
    context.data(&match context.output() {
        Output::Json => json::document(&report)?,
        Output::Sarif => sarif::sheet(&sheet)?,
        Output::Junit => junit::sheet(&sheet),
        Output::Github => github::sheet(&sheet),
        // The others were refused before.
        _ => findings::lint(&report, &sheet, context.paint()),
    });
    Ok(if report.fails() { Exit::Findings } else { Exit::Done })
}

/// Tries the migrations on a server of their own.
async fn trace(context: &Context, manifest: &Manifest, args: &Args, sources: &[Source]) -> Result<Vec<Step>> {
    let (schema, live) = if let Some(path) = &args.schema {
        (script::load(path)?, None)
    } else {
        let mut db = context.connect().await?;
        let dumped = rehearsal::dump(&mut db, args.bin_dir.as_deref(), std::env::var_os("PATH").as_deref()).await?;
        db.close().await;
        (vec![dumped.source], Some((dumped.major, dumped.database)))
    };
    let sandbox = super::sandbox::start(args.bin_dir.clone(), Listen::UnixSocket, &[]).await?;
    if let Some((major, database)) = live {
        let here = sandbox.version();
        let other =
            if here.major() == major { "" } else { ": locks may differ; name a server of the same version with --bin-dir DIR" };
        context.note(&format!(
            "tried on PostgreSQL {} with the schema of {database}, which is on PostgreSQL {major}{other}",
            here.number()
        ));
    }
    let mut rehearsal = rehearsal::load(&sandbox, manifest, &schema).await?;
    let steps = lint::trace(&mut rehearsal.db, sources).await;
    rehearsal.db.close().await;
    tokio::task::spawn_blocking(|| sandbox.stop()).await.map_err(|_| Error::bug("the sandbox's thread gave up"))??;
    steps
}

fn explain(context: &Context, id: &str) -> Result<Exit> {
    if id.is_empty() {
        let all: Vec<_> =
            lint::rules().iter().map(|rule| format!("{} {:<7} {}\n", rule.id, rule.severity.as_str(), rule.title)).collect();
        context.data(&all.concat());
        return Ok(Exit::Done);
    }
    let rule = lint::rule(id)
        .ok_or_else(|| Error::usage(format!("there is no rule {id}")).with_hint("keyward lint --explain lists them all"))?;
    context.data(&findings::explain_rule(rule, context.paint()));
    Ok(Exit::Done)
}
