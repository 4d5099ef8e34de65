//! How the process ends: the exit code, and what it says of a failure.

use std::error::Error as _;
use std::fmt::Write as _;
use std::panic;
use std::process::ExitCode;

use crate::error::{Error, Kind};

use crate::report::Paint;

/// How a command that did its work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, nothing to report. Exit code 0.
    Done,
    /// Findings, drift, or a pending plan under `--check`. Exit code 1.
    Findings,
}

impl Exit {
    /// Returns the code.
    pub(super) fn code(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Findings => ExitCode::from(1),
        }
    }
}

/// Returns what is said of a failure: what failed, why, and what to do about it.
pub(super) fn explain(error: &Error, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.red("error:"), indent(&error.to_string(), "  "));
    let mut cause = error.source();
    let mut said = error.to_string();
    while let Some(source) = cause {
        let why = source.to_string();
        // Many errors repeat their source's text in their own.
        if !said.contains(&why) {
            let _ = writeln!(text, "  {} {}", paint.bold("cause:"), indent(&why, "    "));
        }
        said = why;
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "  {} {}", paint.bold("hint:"), indent(hint, "    "));
    }
    if error.kind() == Kind::Bug {
        let _ =
            writeln!(text, "  This should not happen: it is a bug of keyward, or an object of its schema was changed by hand.");
    }
    text
}

/// Indents every line but the first.
fn indent(text: &str, by: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{by}"))
}

/// Makes a panic say where it happened, and nothing of the values involved: they may be secrets.
pub(super) fn say_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        super::context::write_stderr(&format!(
            "error: this is a bug of keyward: it gave up at {place} (version {})\n  \
             What was done by then stays, and nothing is half done; please report this line.\n",
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_its_cause_and_remedy() {
        let cause = std::io::Error::other("the disk is full");
        let error = Error::usage("can't write plan.json\nat all").with_source(cause).with_hint("make room");
        assert_eq!(
            explain(&error, Paint::plain()),
            "error: can't write plan.json\n  at all\n  cause: the disk is full\n  hint: make room\n"
        );
        assert_eq!(explain(&Error::usage("no"), Paint::plain()), "error: no\n");
    }
}
