//! `keyward plan`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::apply;
use crate::error::{Error, Result};
use crate::evidence;
use crate::plan::Plan;
use crate::report::{json, sql, text};

use super::Exit;
use super::args::Output;
use super::context::Context;

const EXAMPLES: &str = "\
Examples:
  keyward plan                          what apply would do
  keyward plan --verbose                with each step's SQL and its undo
  keyward plan --output sql > plan.sql  one script, for review
  keyward plan --out plan.json          kept, for keyward apply --plan plan.json
  keyward plan --check                  exit code 1 unless there is nothing to do";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write the plan to this file as JSON, for apply --plan
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 if there is anything to do, or anything in the way
    #[arg(long)]
    check: bool,
    /// Show each step's SQL and its undo
    #[arg(short, long)]
    verbose: bool,
}

/// Shows the plan.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let plan = apply::plan(&mut db, &manifest).await?;
    let breaks = plan.steps.iter().any(|step| step.hazards.iter().any(|hazard| hazard.id == "breaks_select_star"));
    let evidence = if breaks { Some(evidence::read(&mut db, &manifest).await?) } else { None };
    db.close().await;
    if let Some(path) = &args.out {
        write_whole(path, &json::plan(&plan)?)?;
        context.note(&format!("wrote {}", path.display()));
    }
    context.data(&match context.output() {
        Output::Json => json::plan_with(&plan, evidence.as_ref())?,
        Output::Sql => sql::plan(&plan),
        // The others were refused before.
        _ => {
            let evidence = evidence.as_ref().map(|found| text::evidence(found, context.paint())).unwrap_or_default();
            text::plan(&plan, args.verbose, context.paint()) + &evidence
        }
    });
    let pending = !plan.is_empty() || !plan.refusals(&[]).is_empty();
    Ok(if args.check && pending { Exit::Findings } else { Exit::Done })
}

/// Reads a plan that `plan --out` wrote.
pub(super) fn read(path: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::usage(format!("can't read the plan {}", path.display())).with_source(error))?;
    json::read_plan(&text, &path.display().to_string())
}

/// Writes a file whole or not at all: into a neighbour first, which then takes the name.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::usage(format!("can't write {}", path.display())).with_source(error);
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".keyward-").tempfile_in(dir).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
