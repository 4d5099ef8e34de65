//! How a wave is worked on: the options that run, revert and finish share, what they say at the end, and what Ctrl-C does.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Kind, Result};
use crate::manifest::Manifest;
use crate::report::text::count;
use crate::rollout::{Options, Progress, Tally};

use super::super::Exit;
use super::super::args::duration;
use super::super::context::{Context, Format};
use super::meter::{Meter, line};

/// The options that run, revert and finish share.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How to work")]
#[expect(clippy::doc_markdown, reason = "they are help texts, shown as they stand")]
pub(super) struct Work {
    /// Work with so many connections; the same command elsewhere adds more
    #[arg(long, value_name = "N", default_value = "1")]
    workers: NonZeroUsize,
    /// Size batches so that one takes about this long
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = target)]
    target_batch: Duration,
    /// Write at most so many rows a second, for example 500/s (accounts, or keys where they are more)
    #[arg(long, value_name = "N/s", value_parser = pace)]
    pace: Option<f64>,
    /// Don't fire the application's triggers when keys move (takes the right to set session_replication_role)
    #[arg(long)]
    skip_app_triggers: bool,
    /// Stop when more than so many accounts can't be changed
    #[arg(long, value_name = "N", default_value = "100")]
    max_parked: u64,
}

impl Work {
    /// Returns the options of the library for this process.
    pub(super) fn options(&self, manifest: &Manifest, base: Options) -> Options {
        Options {
            workers: self.workers.get(),
            target: self.target_batch,
            pace: self.pace,
            skip_app_triggers: self.skip_app_triggers,
            max_parked: self.max_parked,
            process: process(),
            rollout: manifest.rollout.clone(),
            ..base
        }
    }
}

/// Names this process for people: host and process id.
fn process() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_else(|| "?".to_owned());
    format!("{host}:{}", std::process::id())
}

/// Reads how long a batch should take.
fn target(text: &str) -> Result<Duration, String> {
    let target = duration(text)?;
    if (Duration::from_millis(1)..=Duration::from_secs(10)).contains(&target) {
        Ok(target)
    } else {
        Err("a batch takes between 1ms and 10s".to_owned())
    }
}

/// Reads rows per second: `500` or `500/s`.
fn pace(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(pace) if pace.is_finite() && pace >= 0.1 => Ok(pace),
        _ => Err("write how many rows a second, such as 500/s; at least 0.1".to_owned()),
    }
}

/// Does a job of the library's that can be stopped, with its progress shown.
pub(super) async fn watched<T>(
    context: &Context,
    job: impl AsyncFnOnce(&AtomicBool, &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<T>,
) -> Result<T> {
    let stop = AtomicBool::new(false);
    let mut meter = Meter::new(context);
    let mut tell = |now: Progress<'_>| meter.show(&now);
    let done = tokio::select! {
        done = job(&stop, &mut tell) => done,
        error = interrupts(context, &stop) => Err(error),
    };
    meter.clear();
    done
}

/// Asks to stop at the first Ctrl-C or SIGTERM, and returns at the second.
async fn interrupts(context: &Context, stop: &AtomicBool) -> Error {
    let listen = |kind| signal(kind).map_err(|error| Error::bug("can't listen for signals").with_source(error));
    let (mut interrupt, mut terminate) = match (listen(SignalKind::interrupt()), listen(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => return error,
    };
    heard(&mut interrupt, &mut terminate).await;
    stop.store(true, Ordering::Relaxed);
    context.note("stopping after this batch; press Ctrl-C again to leave at once");
    heard(&mut interrupt, &mut terminate).await;
    Error::new(Kind::Interrupted, "interrupted amid a batch: the server rolls it back")
        .with_hint("what was committed stays; the same command goes on from there")
}

async fn heard(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What a command did with the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Sealed,
    Published,
}

/// Says what was done: for people, as a last line of JSON where progress was such lines, and as data where JSON is asked for.
pub(super) fn say_tally(
    context: &Context,
    command: &str,
    moved: Moved,
    tally: &Tally,
    stragglers: u64,
    more: &Value,
) -> Result<Exit> {
    let parked = tally.parked;
    let mut document = line("done", tally);
    document["command"] = command.into();
    document["stragglers"] = stragglers.into();
    document["longest_batch_ms"] = u64::try_from(tally.longest_batch.as_millis()).unwrap_or(u64::MAX).into();
    if context.format() == Format::Json {
        let mut data = json!({ "schema": format!("keyward/rollout-{command}/v1") });
        for (name, value) in document.as_object().into_iter().chain(more.as_object()).flatten() {
            if name != "event" {
                data[name] = value.clone();
            }
        }
        context.data(&super::pretty(&data)?);
    } else if context.is_terminal() {
        let paint = context.paint_notes();
        context.note(&format!(
            "{} {} accounts, {} keys {} in {:.1} s (longest batch {} ms){}.",
            paint.green("Done:"),
            count(tally.accounts),
            count(tally.keys),
            if moved == Moved::Sealed { "sealed" } else { "published" },
            tally.elapsed.as_secs_f64(),
            tally.longest_batch.as_millis(),
            if stragglers > 0 { format!(", {} late keys sealed", count(stragglers)) } else { String::new() }
        ));
    } else {
        context.note(&document.to_string());
    }
    if parked > 0 {
        context.note(&format!(
            "{} {} could not be changed and {} parked: keyward rollout status says what refused.",
            count(parked),
            if parked == 1 { "account" } else { "accounts" },
            if parked == 1 { "is" } else { "are" },
        ));
    }
    Ok(if parked > 0 { Exit::Findings } else { Exit::Done })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_a_number_of_rows_a_second() {
        assert_eq!((pace("500/s"), pace("500"), pace("0.5/s")), (Ok(500.0), Ok(500.0), Ok(0.5)));
        for bad in ["", "/s", "0", "-1", "500/m", "inf", "nan", "fast"] {
            assert!(pace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_batch_takes_some_milliseconds() {
        assert_eq!(target("50ms"), Ok(Duration::from_millis(50)));
        for bad in ["0ms", "11s", "50"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
