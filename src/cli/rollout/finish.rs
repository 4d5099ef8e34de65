//! `keyward rollout finish`.

use std::time::Duration;

use serde_json::json;

use crate::error::Result;
use crate::report::text::count;
use crate::rollout::{self, Finished, Options, Tally};

use super::super::Exit;
use super::super::args::duration;
use super::super::context::{Context, Format};
use super::work::{Moved, Work, say_tally, watched};

/// The arguments of `finish`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work although the manifest's cutover has not come yet
    #[arg(long)]
    before_cutover: bool,
    /// Leave accounts that could not be changed off for now, instead of refusing
    #[arg(long)]
    leave_parked: bool,
    /// Wait so long for older transactions and for rows in use
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    patience: Duration,
    #[command(flatten)]
    work: Work,
}

/// Does what was asked.
pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let base = Options {
        before_cutover: args.before_cutover,
        patience: args.patience,
        leave_parked: args.leave_parked,
        ..Options::finish()
    };
    let options = args.work.options(&manifest, base);
    let mut db = context.connect().await?;
    let share = rollout::share(&mut db, &manifest, &options).await?;
    let question = format!(
        "Make {} the default for every account that hasn't opted out ({} without a setting of their own)?",
        manifest.setting.label,
        count(share.eligible)
    );
    if !context.confirm(&question)? {
        return Err(super::not_confirmed());
    }
    let finished = watched(context, async |stop, tell| rollout::finish(&mut db, &manifest, &options, stop, tell).await).await?;
    db.close().await;
    say_finished(context, &finished)
}

fn say_finished(context: &Context, finished: &Finished) -> Result<Exit> {
    let none = Tally::default();
    if finished.tally.is_none() {
        context.note("The rollout was finished already; counted again:");
    }
    if context.format() == Format::Json {
        let more = match &finished.tally {
            Some(_) => json!({ "proof": finished.proof, "walls": finished.walls }),
            None => json!({ "proof": finished.proof, "walls": finished.walls, "wave": null }),
        };
        let tally = finished.tally.as_ref().unwrap_or(&none);
        return say_tally(context, "finish", Moved::Sealed, tally, finished.stragglers, &more);
    }
    let exit = match &finished.tally {
        Some(tally) => say_tally(context, "finish", Moved::Sealed, tally, finished.stragglers, &json!({}))?,
        None => Exit::Done,
    };
    for proof in &finished.proof {
        context.data(&format!(
            "{}: {} sealed, {} published in enabled accounts",
            proof.key,
            count(proof.sealed),
            count(proof.published_in_enabled_accounts)
        ));
    }
    for name in &finished.walls {
        context.data(&format!("{name}: in its column, which no API role may read"));
    }
    Ok(exit)
}
