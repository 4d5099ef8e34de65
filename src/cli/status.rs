//! `keyward status`.

use crate::catalog;
use crate::error::Result;
use crate::report::{json, text};
use crate::status;

use super::Exit;
use super::context::{Context, Format};

const EXAMPLES: &str = "\
Exit code 1 if somebody should look: keyward isn't installed, there is something to apply, or a
key lies open in an enabled account. Without --manifest and without a keyward.toml, the database
is measured against the manifest in force.

Examples:
  keyward status
  keyward status --output json | jq .drift";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {}

/// Shows how the database stands.
pub(crate) async fn run(context: &Context, _: &Args) -> Result<Exit> {
    let mut db;
    let manifest = if context.has_manifest() {
        // The file's faults first: they need no server.
        let manifest = context.manifest()?;
        db = context.connect().await?;
        manifest
    } else {
        db = context.connect().await?;
        match catalog::applied_manifest(&mut db).await? {
            Some(applied) => applied.document,
            None => context.manifest()?,
        }
    };
    let status = status::read(&mut db, &manifest).await?;
    db.close().await;
    context.data(&match context.format() {
        Format::Text => text::status(&status, context.paint()),
        Format::Json => json::document(&status)?,
    });
    Ok(if status.wants_attention() { Exit::Findings } else { Exit::Done })
}
