//! `keyward rollout`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::report::text::count;
use crate::rollout::{self, Finished, Options, Percent, Progress, Ran, Status, Tally};

use super::Exit;
use super::context::{Context, Format};

const EXAMPLES: &str = "\
Examples:
  keyward rollout run --percent 1 --before-cutover   canaries
  keyward rollout run --percent 25                   a quarter of the accounts; 5 percent lie within 10
  keyward rollout run                                all that have made no choice of their own
  keyward rollout finish                             the default for everybody, and the proof

Ctrl-C ends the batch in hand and stops (exit code 5); a second one leaves at once. The same command goes on from there.";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(super) act: Act,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Turn the setting on for a share of the accounts, in batches
    Run(RunArgs),
    /// Show how far the rollout is
    Status,
    /// Make the setting the default, wait out older transactions, and prove that no enabled account has a published key
    Finish(FinishArgs),
}

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Bring this share of the accounts to enabled, with two decimals at most
    #[arg(long, value_name = "P", default_value = "100", value_parser = percent)]
    percent: Percent,
    /// Work although the manifest's cutover has not come yet
    #[arg(long)]
    before_cutover: bool,
    /// Come back for so long for accounts whose rows are in use
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = super::args::duration)]
    patience: Duration,
}

/// The arguments of `finish`.
#[derive(Debug, clap::Args)]
pub(super) struct FinishArgs {
    /// Work although the manifest's cutover has not come yet
    #[arg(long)]
    before_cutover: bool,
    /// Wait so long for older transactions and for rows in use
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = super::args::duration)]
    patience: Duration,
}

fn percent(text: &str) -> Result<Percent, String> {
    text.parse().map_err(|error: Error| format!("{error}: {}", error.hint().unwrap_or_default()))
}

/// Does what was asked.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    match &args.act {
        Act::Run(args) => {
            let options =
                Options { percent: args.percent, before_cutover: args.before_cutover, patience: args.patience, ..Options::run() };
            run_share(context, &options).await
        }
        Act::Finish(args) => {
            let options = Options { before_cutover: args.before_cutover, patience: args.patience, ..Options::finish() };
            finish(context, &options).await
        }
        Act::Status => status(context).await,
    }
}

async fn run_share(context: &Context, options: &Options) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let preview = rollout::share(&mut db, &manifest, options).await?;
    let label = &manifest.setting.label;
    context.note(&format!(
        "{} of {} accounts are in the share of {} percent; {} of them have no setting of their own.",
        count(preview.members),
        count(preview.accounts),
        options.percent,
        count(preview.eligible)
    ));
    if preview.eligible > 0 && !context.confirm(&format!("Turn {label} on for {} accounts?", count(preview.eligible)))? {
        return Err(Error::refused("not confirmed: nothing was done"));
    }
    let stop = AtomicBool::new(false);
    let mut meter = Meter::new(context);
    let mut tell = |now: Progress<'_>| meter.show(&now);
    let ran = tokio::select! {
        ran = rollout::run(&mut db, &manifest, options, &stop, &mut tell) => ran,
        error = interrupts(context, &stop) => Err(error),
    };
    meter.clear();
    let ran = ran?;
    db.close().await;
    say_ran(context, &ran);
    Ok(Exit::Done)
}

fn say_ran(context: &Context, ran: &Ran) {
    if ran.new_accounts {
        context.note("From now on new accounts are enabled at birth.");
    }
    let Some(tally) = &ran.tally else {
        context.note("Nothing to do: every account of the share has its setting.");
        return;
    };
    say_tally(context, "run", tally, ran.stragglers);
    if !ran.older.is_empty() {
        let lines: Vec<_> = ran.older.iter().map(|one| format!("\n  {one}")).collect();
        context.note(&format!(
            "note: older transactions are still running; keys that they publish are sealed by keyward rollout finish:{}",
            lines.concat()
        ));
    }
}

fn say_tally(context: &Context, event: &str, tally: &Tally, stragglers: u64) {
    if context.is_terminal() {
        context.note(&format!(
            "{} {} accounts, {} keys sealed in {:.1} s (longest batch {} ms){}.",
            context.paint_notes().green("Done:"),
            count(tally.accounts),
            count(tally.keys),
            tally.elapsed.as_secs_f64(),
            tally.longest_batch.as_millis(),
            if stragglers > 0 { format!(", {} late keys sealed", count(stragglers)) } else { String::new() }
        ));
    } else {
        let mut line = line("done", tally);
        line["command"] = event.into();
        line["stragglers"] = stragglers.into();
        line["longest_batch_ms"] = u64::try_from(tally.longest_batch.as_millis()).unwrap_or(u64::MAX).into();
        context.note(&line.to_string());
    }
}

async fn finish(context: &Context, options: &Options) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let preview = rollout::share(&mut db, &manifest, options).await?;
    let question = format!(
        "Make {} the default for every account that hasn't opted out ({} without a setting of their own)?",
        manifest.setting.label,
        count(preview.eligible)
    );
    if !context.confirm(&question)? {
        return Err(Error::refused("not confirmed: nothing was done"));
    }
    let stop = AtomicBool::new(false);
    let mut meter = Meter::new(context);
    let mut tell = |now: Progress<'_>| meter.show(&now);
    let finished = tokio::select! {
        finished = rollout::finish(&mut db, &manifest, options, &stop, &mut tell) => finished,
        error = interrupts(context, &stop) => Err(error),
    };
    meter.clear();
    let finished = finished?;
    db.close().await;
    say_finished(context, &finished)?;
    Ok(Exit::Done)
}

fn say_finished(context: &Context, finished: &Finished) -> Result<()> {
    match &finished.tally {
        Some(tally) => say_tally(context, "finish", tally, finished.stragglers),
        None => context.note("The rollout was finished already; counted again:"),
    }
    if context.format() == Format::Json {
        let document = json!({ "schema": rollout::SCHEMA, "stragglers": finished.stragglers, "proof": finished.proof });
        context.data(&pretty(&document)?);
    } else {
        for proof in &finished.proof {
            context.data(&format!(
                "{}: {} sealed, {} published in enabled accounts",
                proof.key,
                count(proof.sealed),
                count(proof.published_in_enabled_accounts)
            ));
        }
    }
    Ok(())
}

async fn status(context: &Context) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    let status = rollout::status(&mut db, &manifest).await?;
    db.close().await;
    context.data(&match context.format() {
        Format::Json => pretty(&status)?,
        Format::Text => text(&status),
    });
    Ok(Exit::Done)
}

fn text(status: &Status) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    let mut lines = vec![
        format!("cutover    {} ({})", status.cutover, if status.past_cutover { "passed" } else { "to come" }),
        format!(
            "policy     {}; {} by default, {} for new accounts",
            status.policy.mode,
            on(status.policy.default_enabled),
            on(status.policy.new_accounts_enabled)
        ),
        format!("accounts   {}, {} without a setting of their own", count(status.accounts), count(status.eligible)),
    ];
    for one in &status.settings {
        lines.push(format!("  {:<8} {} {}", one.source, count(one.accounts), on(one.enabled)));
    }
    for key in &status.keys {
        lines.push(format!("key        {}: {} sealed, {} published", key.name, count(key.sealed), count(key.published)));
        lines.push(format!("           published in enabled accounts: {}", count(key.published_enabled)));
        if key.published_unknown > 0 {
            lines.push(format!("           published in rows without an account: {}", count(key.published_unknown)));
        }
    }
    for wave in &status.waves {
        lines.push(format!(
            "wave {:<5} {} {} % {}: {} accounts, {} keys, {} late; by {} at {}",
            wave.id,
            wave.kind,
            wave.percent,
            wave.state,
            count(wave.accounts),
            count(wave.keys),
            count(wave.stragglers),
            wave.started_by,
            wave.started_at
        ));
    }
    lines.join("\n")
}

fn pretty(document: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string_pretty(document).map_err(|error| Error::bug("a document can't be written as JSON").with_source(error))
}

/// Asks to stop at the first Ctrl-C, and returns at the second.
async fn interrupts(context: &Context, stop: &AtomicBool) -> Error {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nothing can be heard; the run goes on.
        std::future::pending::<()>().await;
    }
    stop.store(true, Ordering::Relaxed);
    context.note("stopping after this batch; press Ctrl-C again to leave at once");
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    Error::new(Kind::Interrupted, "interrupted amid a batch: the server rolls it back")
        .with_hint("what was committed stays; the same command goes on from there")
}

/// One line of progress for machines.
fn line(event: &str, tally: &Tally) -> Value {
    json!({
        "event": event,
        "wave": tally.wave,
        "accounts": tally.accounts,
        "total": tally.total,
        "keys": tally.keys,
        "in_use": tally.in_use,
        "seconds": tally.elapsed.as_secs_f64(),
        "accounts_per_second": tally.rate().round(),
    })
}

/// Shows progress: a bar on a terminal, JSON lines elsewhere.
struct Meter<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    said: Option<Instant>,
}

impl<'a> Meter<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, bar: None, said: None }
    }

    fn show(&mut self, now: &Progress<'_>) {
        match now {
            Progress::Began { wave, total, continued } => {
                if self.context.is_terminal() {
                    let bar = ProgressBar::with_draw_target(Some(*total), ProgressDrawTarget::stderr());
                    let style = "{bar:30} {pos}/{len} accounts, {per_sec_whole}, {eta} left, {msg}";
                    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
                    self.bar = Some(bar);
                } else {
                    self.context
                        .note(&json!({ "event": "began", "wave": wave, "total": total, "continued": continued }).to_string());
                }
            }
            Progress::Batch(tally) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(tally.accounts);
                    bar.set_message(format!("{} keys", count(tally.keys)));
                } else if self.said.is_none_or(|said| said.elapsed() >= Duration::from_millis(250)) {
                    self.said = Some(Instant::now());
                    self.context.note(&line("progress", tally).to_string());
                }
            }
            Progress::Waiting(blocker) => self.say(
                &json!({ "event": "waiting", "pid": blocker.pid, "role": blocker.role }),
                &format!("waiting for another keyward: pid {} ({})", blocker.pid, blocker.role),
            ),
            Progress::InUse(accounts, pause) => self.say(
                &json!({ "event": "in_use", "accounts": accounts, "pause": pause.as_secs_f64() }),
                &format!("{} accounts are in use: looking again in {:.1} s", count(*accounts), pause.as_secs_f64()),
            ),
            Progress::Settling(running) => {
                let all: Vec<_> = running.iter().map(ToString::to_string).collect();
                let rows: Vec<_> = running
                    .iter()
                    .map(|one| json!({ "pid": one.pid, "role": one.role, "seconds": one.age.as_secs_f64() }))
                    .collect();
                self.say(
                    &json!({ "event": "settling", "transactions": rows }),
                    &format!("waiting for older transactions:\n  {}", all.join("\n  ")),
                );
            }
            Progress::Held(_) | Progress::Parked { .. } | Progress::UntilCutover(_) => {}
            Progress::Note(note) => self.say(&json!({ "event": "note", "note": note }), &format!("note: {note}")),
        }
    }

    fn say(&self, line: &Value, text: &str) {
        match (&self.bar, self.context.is_terminal()) {
            (Some(bar), _) => bar.suspend(|| self.context.note(text)),
            (None, true) => self.context.note(text),
            (None, false) => self.context.note(&line.to_string()),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
