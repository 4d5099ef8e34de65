//! `keyward plan`.

pub(super) mod sign;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use crate::apply;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::evidence;
use crate::manifest::Manifest;
use crate::plan::{Approval, HAZARDS, Plan};
use crate::rehearsal::{self, Rehearsal};
use crate::report::{json, sql, text};
use crate::sandbox::{Listen, Sandbox};
use crate::script;

use super::Exit;
use super::args::Output;
use super::context::Context;

const EXAMPLES: &str = "\
Examples:
  keyward plan                          what apply would do
  keyward plan --verbose                with each step's SQL and its undo
  keyward plan --output sql > plan.sql  one script, for review and for psql -X -f plan.sql
  keyward plan --out plan.json          kept, for keyward apply --plan plan.json
  keyward plan --out plan.json --allow enables_rls,drops_not_null
                                        kept, with the hazards that it may have
  keyward plan --schema-file schema.sql what it would do to a schema, without a database
  keyward plan --schema-file migrations/ what it would do to the schema that these make
  keyward plan --check                  exit code 1 unless there is nothing to do";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Under>,
    /// Write the plan to this file as JSON, for apply --plan
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Exit with 1 if there is anything to do, or anything in the way
    #[arg(long)]
    check: bool,
    /// Show each step's SQL and its undo
    #[arg(short, long)]
    verbose: bool,
    /// Plan for this schema, a dump of the schema alone or a directory of migrations, on a server of its own instead of a live database
    #[arg(long, value_name = "FILE|DIR", conflicts_with = "out")]
    schema_file: Option<String>,
    /// Take that server's programs from this directory
    #[arg(long, value_name = "DIR", requires = "schema_file")]
    bin_dir: Option<PathBuf>,
    #[command(flatten)]
    allowed: Allowed,
}

/// What there is besides the plan itself.
#[derive(Debug, clap::Subcommand)]
enum Under {
    /// Sign a plan that was kept, for apply --require-signature
    Sign(sign::Args),
}

impl Args {
    /// Tells whether the command has data, and so formats of it.
    pub(super) fn has_data(&self) -> bool {
        self.command.is_none()
    }
}

/// What is allowed by name.
#[derive(Debug, clap::Args)]
pub(super) struct Allowed {
    /// Allow this hazard; give it again, or with commas, for more
    #[arg(long, value_name = "HAZARD", value_delimiter = ',', value_parser = PossibleValuesParser::new(HAZARDS), hide_possible_values = true)]
    allow: Vec<String>,
    /// Allow to apply although this finding says that enforcement would not hold; the ledger records it
    #[arg(long, value_name = "ID")]
    accept_risk: Vec<String>,
}

impl Allowed {
    /// Returns it, and says what of it is in vain.
    pub(super) fn by_name(&self, context: &Context, plan: &Plan) -> Approval {
        for risk in &self.accept_risk {
            if !plan.findings.iter().any(|finding| finding.id == *risk && finding.can_be_accepted) {
                context.note(&format!("note: --accept-risk {risk}: nothing of that name stands in the way"));
            }
        }
        for hazard in &self.allow {
            if !plan.hazards().iter().any(|(found, _)| found.id == *hazard) {
                context.note(&format!("note: --allow {hazard}: no step has this hazard"));
            }
        }
        Approval::default().and(&Approval { hazards: self.allow.clone(), risks: self.accept_risk.clone() })
    }
}

/// Shows the plan.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    if let Some(Under::Sign(args)) = &args.command {
        return sign::run(context, args);
    }
    let manifest = context.manifest()?;
    // Dropped at the end, and gone with everything in it.
    let mut sandbox = None;
    let mut db = match &args.schema_file {
        Some(file) => rehearse(context, args, file, &manifest, &mut sandbox).await?,
        None => context.connect().await?,
    };
    let mut plan = apply::plan(&mut db, &manifest).await?;
    let breaks = plan.steps.iter().any(|step| step.hazards.iter().any(|hazard| hazard.id == "breaks_select_star"));
    let evidence = if breaks { Some(evidence::read(&mut db, &manifest).await?) } else { None };
    db.close().await;
    plan.approved = args.allowed.by_name(context, &plan);
    if let Some(path) = &args.out {
        write_whole(path, &json::plan(&plan)?)?;
        context.note(&format!("wrote {}", path.display()));
        let open: Vec<_> = plan.hazards_not_allowed(&[]).iter().map(|(hazard, _)| hazard.id.as_str()).collect();
        if !open.is_empty() {
            context.note(&format!("its hazards must still be allowed: --allow {}", open.join(",")));
        }
    }
    context.data(&match context.output() {
        Output::Json => json::plan_with(&plan, evidence.as_ref())?,
        Output::Sql => sql::plan(&plan)?,
        // The others were refused before.
        _ => {
            let evidence = evidence.as_ref().map(|found| text::evidence(found, context.paint())).unwrap_or_default();
            text::plan(&plan, args.verbose, context.paint()) + &evidence
        }
    });
    let pending = !plan.is_empty() || !plan.refusals(&[]).is_empty();
    Ok(if args.check && pending { Exit::Findings } else { Exit::Done })
}

/// Loads a schema into a server of its own, and says what it can't know.
async fn rehearse(context: &Context, args: &Args, path: &str, manifest: &Manifest, sandbox: &mut Option<Sandbox>) -> Result<Db> {
    let sources = script::load(path)?;
    let sandbox = sandbox.insert(super::sandbox::start(args.bin_dir.clone(), Listen::UnixSocket, &[]).await?);
    let Rehearsal { db, roles, only_in_manifest } = rehearsal::load(sandbox, manifest, &sources).await?;
    context.note(&format!(
        "planned for {} on PostgreSQL {}, as its superuser; of {} roles only the names are known, not what they are and whom they belong to",
        path,
        sandbox.version().number(),
        roles.len()
    ));
    if !only_in_manifest.is_empty() {
        context.note(&format!("the schema grants nothing to {}", only_in_manifest.join(", ")));
    }
    Ok(db)
}

/// Writes a file whole or not at all: into a neighbour first, which then takes the name.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::usage(format!("can't write {}", path.display())).with_source(error);
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".keyward-").tempfile_in(dir).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
