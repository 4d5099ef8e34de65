//! `keyward apply`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::apply::{self, Hazards, Options};
use crate::error::{Error, Result};
use crate::plan::Approval;
use crate::report::text;

use super::Exit;
use super::context::Context;
use super::plan::Allowed;
use super::plan::sign::Required;
use super::progress;

const EXAMPLES: &str = "\
Examples:
  keyward apply                          show the plan, ask, carry it out
  keyward apply --yes --allow enables_rls,drops_not_null
                                         without a question: each hazard is allowed by name
  keyward apply --plan plan.json --yes   exactly what was reviewed, or nothing
  keyward apply --plan plan.json --require-signature --public-key alice.pub --yes
                                         and only if alice has signed it

Killed or interrupted at any point: what was done stays, and the same command goes on from there.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Carry out this plan, made by plan --out; refuse if database or manifest changed since
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    required: Required,
    #[command(flatten)]
    allowed: Allowed,
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
    pub(super) fn options(&self) -> Options {
        Options { lock_timeout: self.lock_timeout, patience: self.patience, ..Options::default() }
    }
}

/// Carries out the plan.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let kept = args.plan.as_deref().map(|path| args.required.read(context, path)).transpose()?;
    let mut db = context.connect().await?;
    let is_kept = kept.is_some();
    let (plan, signed_by) = match kept {
        Some(kept) => kept,
        None => (apply::plan(&mut db, &manifest).await?, Vec::new()),
    };
    let Approval { hazards, risks } = args.allowed.by_name(context, &plan);
    let refused = !plan.refusals(&risks).is_empty();
    if plan.is_empty() && !refused && !is_kept {
        context.note(&format!("Nothing to do: the database {} is as the manifest says.", plan.database));
        db.close().await;
        return Ok(Exit::Done);
    }
    let open: Vec<_> = plan.hazards_not_allowed(&hazards).into_iter().map(|(hazard, _)| hazard.id.clone()).collect();
    let mut options = Options { accepted_risks: risks, hazards: Hazards::Named(hazards), signed_by, ..args.waits.options() };
    if !refused {
        context.note(&text::plan(&plan, false, context.paint_notes()));
        let with = if open.is_empty() { String::new() } else { format!(", with {}", open.join(", ")) };
        let question = format!("Carry out these {} steps in the database {}{with}?", plan.steps.len(), plan.database);
        if !context.confirm(&question)? {
            return Err(Error::refused("not confirmed: nothing was done"));
        }
        if !context.says_yes() {
            // Somebody read the question, which named what was still open; --yes answers questions, not for hazards that nobody has read.
            options.hazards = Hazards::Any;
        }
    }
    let started = Instant::now();
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
