//! The progress of a wave: a bar on a terminal, JSON lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::report::text::{count, printable};
use crate::rollout::{Progress, Tally};

use super::super::context::Context;

/// How often a line of JSON tells how far the wave is, at most.
const PERIOD: Duration = Duration::from_millis(250);

/// One line of progress for machines.
pub(super) fn line(event: &str, tally: &Tally) -> Value {
    json!({
        "event": event,
        "wave": tally.wave,
        "accounts": tally.accounts,
        "total": tally.total,
        "keys": tally.keys,
        "in_use": tally.in_use,
        "parked": tally.parked,
        "seconds": tally.elapsed.as_secs_f64(),
        "accounts_per_second": tally.rate().round(),
    })
}

/// Shows progress.
pub(super) struct Meter<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    said: Option<Instant>,
    keys: u64,
    held: Option<String>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, bar: None, said: None, keys: 0, held: None }
    }

    pub(super) fn show(&mut self, now: &Progress<'_>) {
        match now {
            Progress::Began { wave, total, continued } => self.begin(*wave, *total, *continued),
            Progress::Batch(tally) => self.batch(tally),
            Progress::Held(why) => self.hold(*why),
            Progress::Parked { account, problem } => self.say(
                &json!({ "event": "parked", "account": account, "problem": problem }),
                &format!("account {} is parked: {}", printable(account), printable(problem)),
            ),
            Progress::UntilCutover(left) => {
                let seconds = left.as_secs();
                self.say(
                    &json!({ "event": "until_cutover", "seconds": seconds }),
                    &format!("waiting for the cutover, {} from now by the server's clock", span(*left)),
                );
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
            Progress::Note(note) => self.say(&json!({ "event": "note", "note": note }), &format!("note: {note}")),
        }
    }

    fn begin(&mut self, wave: i64, total: u64, continued: bool) {
        if self.context.is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = "{bar:30} {pos}/{len} accounts, {per_sec_whole}, {eta} left, {wide_msg}";
            bar.set_style(ProgressStyle::with_template(style).map_or_else(
                |_| ProgressStyle::default_bar(),
                |style| {
                    style.with_key("per_sec_whole", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                        // A bar that can't be written can't be written.
                        let _ = write!(out, "{:.0}/s", state.per_sec());
                    })
                },
            ));
            self.bar = Some(bar);
            self.message();
        } else {
            self.context.note(&json!({ "event": "began", "wave": wave, "total": total, "continued": continued }).to_string());
        }
    }

    fn batch(&mut self, tally: &Tally) {
        self.keys = tally.keys;
        if let Some(bar) = &self.bar {
            bar.set_position(tally.accounts);
            self.message();
        } else if self.said.is_none_or(|said| said.elapsed() >= PERIOD) {
            self.said = Some(Instant::now());
            self.context.note(&line("progress", tally).to_string());
        }
    }

    /// The bar shows the reason as it changes; a line of its own, which is never cut off, only when the wave comes to a halt.
    fn hold(&mut self, why: Option<&str>) {
        let was_held = std::mem::replace(&mut self.held, why.map(printable)).is_some();
        self.message();
        let (event, text) = match &self.held {
            Some(held) => (json!({ "event": "held", "why": why }), format!("held: {held}")),
            None => (json!({ "event": "going_on" }), "going on".to_owned()),
        };
        if self.bar.is_none() || !was_held || why.is_none() {
            self.say(&event, &text);
        }
    }

    fn message(&self) {
        if let Some(bar) = &self.bar {
            let keys = format!("{} keys", count(self.keys));
            bar.set_message(self.held.as_ref().map_or_else(|| keys.clone(), |why| format!("{keys}; held: {why}")));
        }
    }

    fn say(&self, line: &Value, text: &str) {
        match (&self.bar, self.context.is_terminal()) {
            (Some(bar), _) => bar.suspend(|| self.context.note(text)),
            (None, true) => self.context.note(text),
            (None, false) => self.context.note(&line.to_string()),
        }
    }

    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Returns a length of time for reading, in whole seconds: `2 d 3 h`, `4 min 5 s`.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_by_its_two_greatest_parts() {
        let told = [0, 59, 61, 3_600, 7_325, 90_000].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(told, ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "2 h 2 min", "1 d 1 h"]);
    }
}
