//! What the benches share: a server, the tables of results, and how a bench begins and ends.
#![allow(dead_code, reason = "each bench takes what it needs")]

pub(crate) mod server;
pub(crate) mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use table::Table;

/// What may go wrong: anything, and then the measurement ends.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Says how far it is.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Runs a bench, unless it was only compiled in passing by `cargo test --benches`: then there is nothing to measure.
pub(crate) fn main(bench: impl FnOnce() -> Result<()>) -> ExitCode {
    if cfg!(debug_assertions) {
        note("not measured: this is no release build");
        return ExitCode::SUCCESS;
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints the results, and writes them into the document if one was named.
pub(crate) fn conclude(table: &Table, document: Option<&PathBuf>) -> Result<()> {
    print!("{}", table.text());
    document.map_or(Ok(()), |document| table.write(document))
}

/// The arguments that every bench takes.
pub(crate) struct Common {
    pub(crate) rounds: usize,
    /// The document to write to.
    pub(crate) write: Option<PathBuf>,
    /// Which parts to measure; none for all.
    pub(crate) which: Vec<String>,
}

impl Common {
    /// Reads the program's arguments; `own` takes those that only this bench knows, and says whether it did.
    pub(crate) fn read(
        rounds: usize,
        parts: &[&str],
        mut own: impl FnMut(&str, &mut dyn FnMut() -> Result<String>) -> Result<bool>,
    ) -> Result<Self> {
        let mut args = std::env::args().skip(1);
        let mut read = Self { rounds, write: None, which: Vec::new() };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value").into());
            match arg.as_str() {
                "--rounds" => read.rounds = value()?.parse::<usize>()?.max(1),
                "--write" => read.write = Some(value()?.into()),
                // what cargo bench adds
                "--bench" => {}
                one if parts.contains(&one) => read.which.push(arg),
                other => {
                    if !own(other, &mut value)? {
                        return Err(format!("{other} is not known; there are {}", parts.join(", ")).into());
                    }
                }
            }
        }
        Ok(read)
    }

    /// Tells whether a part is to be measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.which.is_empty() || self.which.iter().any(|which| which == part)
    }
}
