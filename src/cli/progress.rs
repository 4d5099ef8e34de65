//! What is said while steps are carried out: one line each, so that a log reads as well as a terminal.

use crate::apply::Progress;
use crate::plan::Step;
use crate::report::text;

use super::context::Context;

/// Says what happens.
pub(super) fn say(context: &Context, progress: &Progress<'_>) {
    let paint = context.paint_notes();
    context.note(&match progress {
        Progress::Waiting(blocker) => {
            let age = blocker.age.as_secs_f64();
            format!("waiting for another keyward: pid {} ({}, connected for {age:.1} s)", blocker.pid, blocker.role)
        }
        Progress::Step(at, all, step) => {
            let width = all.to_string().len();
            let Step { action, id, .. } = step;
            let id = text::plain(id);
            format!("{} {:<6} {id}", paint.dim(&format!("[{at:>width$}/{all}]")), text::action(*action))
        }
        Progress::Blocked(step, blockers) => {
            let lock =
                step.lock.as_ref().map(|lock| format!(" {} on {}", lock.mode, text::plain(&lock.relation))).unwrap_or_default();
            let lines: Vec<_> = blockers.iter().map(|blocker| format!("\n  blocked by {blocker}")).collect();
            format!("{}{lock}{}", paint.yellow("waiting for the lock"), lines.concat())
        }
        Progress::Retry(_, pause, why) => format!("  {why}: trying again in {:.1} s", pause.as_secs_f64()),
        Progress::Published(name, keys) => format!("  {} keys of {name} published", text::count(*keys)),
        Progress::Sealed(name, keys) => format!("  {} keys of {name} sealed", text::count(*keys)),
        Progress::Note(note) => format!("note: {note}"),
    });
}

/// Returns a duration for reading.
pub(super) fn took(since: std::time::Instant) -> String {
    let seconds = since.elapsed().as_secs_f64();
    if seconds < 60.0 { format!("{seconds:.1} s") } else { format!("{} min {:.0} s", (seconds / 60.0).floor(), seconds % 60.0) }
}
