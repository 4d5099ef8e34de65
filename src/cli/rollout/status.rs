//! `keyward rollout status`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::report::prometheus;
use crate::report::text::{count, printable};
use crate::rollout::{self, Status, Wave, Worker};

use super::super::Exit;
use super::super::args::{Output, duration};
use super::super::context::Context;
use super::meter::span;

/// The arguments of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show it again and again, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Show it so often
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration, requires = "watch")]
    interval: Duration,
}

impl Args {
    /// Tells whether it goes on until Ctrl-C, which then is how it ends.
    pub(super) fn watches(&self) -> bool {
        self.watch
    }
}

/// Does what was asked.
pub(super) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    if !args.watch {
        return show(context, args).await;
    }
    tokio::select! {
        shown = show(context, args) => shown,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
    }
}

/// Shows it once, or again and again.
async fn show(context: &Context, args: &Args) -> Result<Exit> {
    let manifest = context.manifest()?;
    let mut db = context.connect().await?;
    loop {
        let status = rollout::status(&mut db, &manifest).await?;
        let shown = match context.output() {
            // Watched, a document takes one line, so that a reader can tell them apart.
            Output::Json if args.watch => serde_json::to_string(&status)
                .map_err(|error| Error::bug("a document can't be written as JSON").with_source(error))?,
            Output::Json => super::pretty(&status)?,
            Output::Prometheus => prometheus::rollout(&status)?,
            _ => text(&status),
        };
        if !args.watch {
            db.close().await;
            context.data(&shown);
            return Ok(Exit::Done);
        }
        let clear = if context.is_screen() && context.output() == Output::Text { "\x1b[H\x1b[2J" } else { "" };
        context.data(&format!("{clear}{shown}"));
        tokio::time::sleep(args.interval.max(Duration::from_millis(100))).await;
    }
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
    lines.extend(status.waves.iter().map(|one| wave(status, one)));
    if status.control.paused {
        lines.push(format!("rollout    {}", printable(&status.control.to_string())));
    }
    lines.extend(status.workers.iter().map(worker));
    if status.parked_accounts > 0 {
        lines.push(format!("parked     {} accounts could not be changed:", count(status.parked_accounts)));
        for one in &status.parked {
            lines.push(format!(
                "  {} (wave {}): {} ({})",
                printable(&one.account),
                one.wave,
                printable(&one.problem),
                one.sqlstate
            ));
        }
        if status.parked_accounts > status.parked.len() as u64 {
            lines.push("  …".to_owned());
        }
    }
    lines.join("\n")
}

fn wave(status: &Status, wave: &Wave) -> String {
    let what = match (wave.kind.as_str(), wave.reverts) {
        ("revert", Some(undone)) => format!("revert of wave {undone}"),
        ("revert", None) => "revert of all waves".to_owned(),
        (kind, _) if wave.listed => format!("{kind} of a list"),
        (kind, _) => format!("{kind} {} %", wave.percent),
    };
    let mut line = format!(
        "wave {:<5} {what} {}: {} accounts, {} keys, {} late; by {} at {}",
        wave.id,
        wave.state,
        count(wave.accounts),
        count(wave.keys),
        count(wave.stragglers),
        printable(&wave.started_by),
        wave.started_at.strftime("%F %H:%M:%S UTC")
    );
    if wave.state == "running" {
        let _ = write!(line, "\n           {} to do", count(wave.total.saturating_sub(wave.accounts)));
        if wave.in_use > 0 {
            let _ = write!(line, ", {} of them in use", count(wave.in_use));
        }
        let _ = write!(line, ", {:.0} accounts/s", status.rate(wave));
        if let Some(left) = status.remaining(wave) {
            let _ = write!(line, ", {} left", span(left));
        }
    }
    for gate in wave.gates.iter().filter_map(serde_json::Value::as_array).flatten() {
        let text = |field: &str| gate.get(field).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
        let ok = gate.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
        let _ = write!(line, "\n           gate {}: {}", printable(&text("name")), if ok { "ok" } else { "FAILED" });
    }
    line
}

fn worker(worker: &Worker) -> String {
    let mut line = format!(
        "worker {:<3} {} at wave {}, pid {}, {}: {} accounts, {} keys",
        worker.id,
        worker.state,
        worker.wave,
        worker.pid,
        printable(&worker.process),
        count(worker.accounts),
        count(worker.keys)
    );
    if let (Some(chunk), Some(until)) = (worker.chunk, worker.leased_until) {
        let _ = write!(line, "; chunk {chunk} until {}", until.strftime("%H:%M:%S"));
    }
    if let Some(why) = &worker.why {
        let _ = write!(line, "\n           {}", printable(why));
    }
    line
}
