//! `keyward rollout revert`.

use std::time::Duration;

use serde_json::json;

use crate::error::Result;
use crate::report::text::{count, plural};
use crate::rollout::{self, Options, Target};

use super::super::Exit;
use super::super::args::duration;
use super::super::context::{Context, Format};
use super::work::{Moved, Work, say_tally, watched};

/// The arguments of `revert`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Undo this wave; unless told, the newest that stands
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    wave: Option<i64>,
    /// Undo every wave
    #[arg(long)]
    all: bool,
    /// Say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Come back for so long for accounts whose rows are in use
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    patience: Duration,
    #[command(flatten)]
    work: Work,
}

/// Does what was asked.
pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let options = args.work.options(&manifest, Options { patience: args.patience, before_cutover: true, ..Options::run() });
    let target = match (args.all, args.wave) {
        (true, _) => Target::All,
        (false, Some(wave)) => Target::Wave(wave),
        (false, None) => Target::Last,
    };
    let mut db = context.connect().await?;
    let undoable = rollout::undoable(&mut db, &manifest, target).await?;
    let numbers: Vec<_> = undoable.waves.iter().map(ToString::to_string).collect();
    let waves = format!("{} {}", if numbers.len() == 1 { "wave" } else { "waves" }, numbers.join(", "));
    let accounts = plural(usize::try_from(undoable.accounts).unwrap_or(usize::MAX), "account");
    if undoable.waves.is_empty() && !args.dry_run {
        db.close().await;
        context.note("Nothing to undo: no wave stands.");
        if context.format() == Format::Json {
            context.data(&super::pretty(&json!({ "schema": "keyward/rollout-revert/v1", "waves": [] }))?);
        }
        return Ok(Exit::Done);
    }
    if args.dry_run {
        db.close().await;
        if context.format() == Format::Json {
            let document = json!({
                "schema": "keyward/rollout-revert-dry-run/v1",
                "waves": undoable.waves,
                "would_take_back": undoable.accounts,
            });
            context.data(&super::pretty(&document)?);
        } else {
            context.data(&format!("would undo {waves}: take back the setting of {accounts} and publish the keys sealed with it"));
        }
        return Ok(Exit::Done);
    }
    let label = &manifest.setting.label;
    if !context.confirm(&format!("Undo {waves}: turn {label} off for {accounts} and publish their keys?"))? {
        return Err(super::not_confirmed());
    }
    // What was reviewed is done: the newest wave may be another by now.
    let target = if target == Target::Last { undoable.waves.last().copied().map_or(target, Target::Wave) } else { target };
    let reverted =
        watched(context, async |stop, tell| rollout::revert(&mut db, &manifest, target, &options, stop, tell).await).await?;
    db.close().await;
    let exit = say_tally(context, "revert", Moved::Published, &reverted.tally, 0, &json!({ "waves": reverted.waves }))?;
    if exit == Exit::Done {
        context.note(&format!("{waves}: reverted. {} accounts are as they were before.", count(reverted.tally.accounts)));
    }
    Ok(exit)
}
