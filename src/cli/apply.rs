//! `keyward apply`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::apply::{self, Options};
use crate::error::{Error, Result};
use crate::report::text;

use super::Exit;
use super::context::Context;
use super::progress;

const EXAMPLES: &str = "\
Examples:
  keyward apply                          show the plan, ask, carry it out
  keyward apply --plan plan.json --yes   exactly what was reviewed, or nothing

Killed or interrupted at any point: what was done stays, and the same command goes on from there.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Carry out this plan, made by plan --out; refuse if database or manifest changed since
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Apply although this finding says that enforcement would not hold; the ledger records it
    #[arg(long, value_name = "ID")]
    accept_risk: Vec<String>,
    #[command(flatten)]
    waits: Waits,
}

/// How long to wait.
#[derive(Debug, clap::Args)]
pub(super) struct Waits {
    /// Wait so long for a lock in one attempt, while others queue behind it
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = super::args::lock_timeout)]
    lock_timeout: Duration,
    /// Try again for so long, per step, and wait so long for another keyward
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = super::args::duration)]
    patience: Duration,
}

impl Waits {
    /// Returns the options of a run.
    pub(super) fn options(&self, accepted_risks: &[String]) -> Options {
        Options { lock_timeout: self.lock_timeout, patience: self.patience, accepted_risks: accepted_risks.to_vec() }
    }
}

/// Carries out the plan.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let kept = args.plan.as_deref().map(super::plan::read).transpose()?;
    let mut db = context.connect().await?;
    let plan = match kept {
        Some(plan) => plan,
        None => apply::plan(&mut db, &manifest).await?,
    };
    for risk in &args.accept_risk {
        if !plan.findings.iter().any(|finding| finding.id == *risk && finding.can_be_accepted) {
            context.note(&format!("note: --accept-risk {risk}: nothing of that name stands in the way"));
        }
    }
    let refused = !plan.refusals(&args.accept_risk).is_empty();
    if plan.is_empty() && !refused && args.plan.is_none() {
        context.note(&format!("Nothing to do: the database {} is as the manifest says.", plan.database));
        db.close().await;
        return Ok(Exit::Done);
    }
    if !refused {
        context.note(&text::plan(&plan, false, context.paint_notes()));
        if !context.confirm(&format!("Carry out these {} steps in the database {}?", plan.steps.len(), plan.database))? {
            return Err(Error::refused("not confirmed: nothing was done"));
        }
    }
    let started = Instant::now();
    let options = args.waits.options(&args.accept_risk);
    apply::apply(&mut db, &manifest, &plan, &options, &mut |now| progress::say(context, &now)).await?;
    db.close().await;
    context.note(&format!(
        "{} {} in {}.",
        context.paint_notes().green("Applied:"),
        text::plural(plan.steps.len(), "step"),
        progress::took(started)
    ));
    Ok(Exit::Done)
}
