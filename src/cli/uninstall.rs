//! `keyward uninstall`.

use std::time::Instant;

use serde::Serialize;

use crate::apply;
use crate::catalog::{self, Snapshot};
use crate::error::{Error, Result};
use crate::plan::{self, Script, Step};
use crate::report::{json, sql, text};

use super::Exit;
use super::apply::Waits;
use super::args::Output;
use super::context::Context;
use super::progress;

const EXAMPLES: &str = "\
Works without the manifest's file: it reads the manifest in force from the database.

Examples:
  keyward uninstall --dry-run                what would be removed
  keyward uninstall --dry-run --output sql   the same as a script
  keyward uninstall --yes";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    waits: Waits,
}

/// The steps as a document.
#[derive(Serialize)]
struct Removal<'a> {
    schema: &'static str,
    database: &'a str,
    steps: &'a [Step],
}

/// Publishes every key and removes everything.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let mut db = context.connect().await?;
    // What is installed counts; a run that was killed before it recorded its manifest followed the file.
    let manifest = match catalog::applied_manifest(&mut db).await? {
        Some(applied) => applied.document,
        None => context.manifest()?,
    };
    let snapshot = Snapshot::read(&mut db, &manifest).await?;
    let owner = &manifest.roles.owner;
    let steps = plan::removal(&snapshot, owner)?;
    let database = snapshot.server.database.as_str();
    if args.dry_run {
        db.close().await;
        context.data(&match context.output() {
            Output::Json => json::document(&Removal { schema: "keyward/removal/v1", database, steps: &steps })?,
            Output::Sql => {
                let about = Script { database, owner, manifest: "uninstall", risks: &[], refusals: Vec::new() };
                sql::steps(&about, &steps)?
            }
            // The others were refused before.
            _ => text::removal(&steps, database, context.paint()),
        });
        return Ok(Exit::Done);
    }
    context.note(&text::removal(&steps, database, context.paint_notes()));
    let question = format!("Give every key in {database} back to the API's sight, and end all protection?");
    if !context.confirm(&question)? {
        return Err(Error::refused("not confirmed: nothing was done"));
    }
    let started = Instant::now();
    apply::uninstall(&mut db, &steps, owner, &args.waits.options(), &mut |now| progress::say(context, &now)).await?;
    db.close().await;
    context.note(&format!("keyward is removed from {database}, in {}.", progress::took(started)));
    Ok(Exit::Done)
}
