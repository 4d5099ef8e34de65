//! `keyward rollout`: one file per subcommand, and what they share.

mod control;
mod finish;
mod meter;
mod preview;
mod revert;
mod run;
mod status;
mod work;

use clap::Subcommand;

use crate::error::{Error, Result};

use super::Exit;
use super::args::Output;
use super::context::Context;

const EXAMPLES: &str = "\
Examples:
  keyward rollout preview                            whom it would hit, once keyward policy observe has run a while
  keyward rollout run --percent 1 --before-cutover   canaries
  keyward rollout run --percent 25 --pace 500/s      a quarter of the accounts, gently; 5 percent lie within 10
  keyward rollout run --at-cutover --yes             waits for the instant, for a job that is started in time
  keyward rollout status --watch                     how far it is, and what holds it
  keyward rollout revert --wave 3                    undoes exactly what wave 3 did
  keyward rollout finish                             the default for everybody, and the proof

Ctrl-C ends the batch in hand and stops (exit code 5); a second one leaves at once. The same command goes on from there.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Act {
    /// List the accounts and roles that enforcement would hit, by what was observed before
    Preview(preview::Args),
    /// Turn the setting on for a share of the accounts, in batches
    Run(run::Args),
    /// Show how far the rollout is: settings, keys, waves, workers, and what holds them
    Status(status::Args),
    /// Hold the rollout, within one batch on every worker
    Pause(control::PauseArgs),
    /// Let a rollout that was paused go on
    Resume,
    /// Undo waves: publish the keys that they sealed, and take back the settings that they made
    Revert(revert::Args),
    /// Make the setting the default, wait out older transactions, and prove that no enabled account has a published key
    Finish(finish::Args),
}

impl Args {
    /// Returns the formats that the command's data comes in.
    pub(super) fn outputs(&self) -> &'static [Output] {
        match self.act {
            Act::Run(_) | Act::Revert(_) | Act::Finish(_) => &[Output::Text, Output::Json],
            Act::Status(_) => &[Output::Text, Output::Json, Output::Prometheus],
            Act::Preview(_) => &[Output::Text, Output::Json, Output::Csv],
            Act::Pause(_) | Act::Resume => &[Output::Text],
        }
    }

    /// Tells whether the command itself decides what Ctrl-C means.
    pub(super) fn handles_interrupts(&self) -> bool {
        match &self.act {
            Act::Run(_) | Act::Revert(_) | Act::Finish(_) => true,
            Act::Status(args) => args.watches(),
            Act::Preview(_) | Act::Pause(_) | Act::Resume => false,
        }
    }
}

/// Does what was asked.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    match &args.act {
        Act::Preview(args) => preview::run(context, args).await,
        Act::Run(args) => run::run(context, args).await,
        Act::Status(args) => status::run(context, args).await,
        Act::Pause(args) => control::pause(context, args).await,
        Act::Resume => control::resume(context).await,
        Act::Revert(args) => revert::run(context, args).await,
        Act::Finish(args) => finish::run(context, args).await,
    }
}

fn pretty(document: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(document).map_err(|error| Error::bug("a document can't be written as JSON").with_source(error))
}

/// The error when nobody said yes.
fn not_confirmed() -> Error {
    Error::refused("not confirmed: nothing was done")
}
