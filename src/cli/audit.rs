//! `keyward audit`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::audit::{self, Baseline, Options, Severity};
use crate::error::{Error, Result};
use crate::report::{entry, findings, github, json, junit, sarif};

use super::Exit;
use super::args::Output;
use super::context::Context;

const EXAMPLES: &str = "\
Reads the catalogue in one transaction that can't write; needs no superuser, and says what it couldn't see.
Exit code 1 if anything is reported. No output ever contains a key.

Examples:
  keyward audit                                         what is open, and how to close it
  keyward audit --explain KW104                         what a finding means
  keyward audit --sample 50                             also compare keys with values elsewhere
  keyward audit --min-severity warning --output github  annotations of a CI run
  keyward audit --write-baseline accepted.toml          then write a reason to each, and from then on:
  keyward audit --baseline accepted.toml";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Leave out the findings that this file accepts, each with a reason (TOML or JSON); tell which of them no longer occur
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the findings to this file as a baseline to give reasons in, instead of reporting them
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Report nothing below this severity
    #[arg(long, value_name = "SEVERITY", default_value = "note", value_parser = severity)]
    min_severity: Severity,
    /// Look for so many keys among the values of other tables; they don't leave the server
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    sample: Option<u32>,
    /// Print what a finding is about, why, and what to do; without an ID, list them all
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
}

pub(super) fn severity(word: &str) -> Result<Severity, String> {
    Severity::parse(word).ok_or_else(|| "write note, warning or error".to_owned())
}

/// Audits.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    if let Some(id) = &args.explain {
        return explain(context, id);
    }
    let manifest = context.manifest()?;
    let baseline = args.baseline.as_deref().map(read).transpose()?;
    let mut db = context.connect().await?;
    let mut report = audit::audit(&mut db, &manifest, Options { sample: args.sample }).await?;
    db.close().await;
    if let Some(baseline) = baseline {
        report.accept(&baseline);
    }
    report.from_severity(args.min_severity);
    if let Some(path) = &args.write_baseline {
        write_new(path, &Baseline::draft(&report.findings))?;
        context.note(&format!("wrote {}: give each of the {} findings a reason", path.display(), report.findings.len()));
        return Ok(Exit::Done);
    }
    let sheet = entry::audit(&report, &context.manifest_path());
    context.data(&match context.output() {
        Output::Json => json::document(&report)?,
        Output::Sarif => sarif::sheet(&sheet)?,
        Output::Junit => junit::sheet(&sheet),
        Output::Github => github::sheet(&sheet),
        // The others were refused before.
        _ => findings::audit(&report, &sheet, context.paint()),
    });
    Ok(if report.findings.is_empty() { Exit::Done } else { Exit::Findings })
}

fn explain(context: &Context, id: &str) -> Result<Exit> {
    if id.is_empty() {
        let all: Vec<_> =
            audit::rules().iter().map(|rule| format!("{} {:<7} {}\n", rule.id, rule.severity.as_str(), rule.title)).collect();
        context.data(&all.concat());
        return Ok(Exit::Done);
    }
    let rule = audit::rule(id)
        .ok_or_else(|| Error::usage(format!("there is no finding {id}")).with_hint("keyward audit --explain lists them all"))?;
    context.data(&findings::explain(rule, context.paint()));
    Ok(Exit::Done)
}

/// Writes a file that isn't there yet: reasons that somebody wrote are not to be lost.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Error::usage(format!("can't write {}", path.display())).with_source(error).with_hint("name a file that isn't there yet")
    })
}

fn read(path: &Path) -> Result<Baseline> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::usage(format!("can't read the baseline {}", path.display())).with_source(error))?;
    Baseline::parse(&text, &path.display().to_string())
}
