//! How quick the rollout is, how little the application notices, and how both grow: `make bench`, or
//! `cargo bench --bench rollout -- [--accounts N] [--locations N] [--sizes N,N,…] [--rounds N] [--write FILE] [settings] [sealing] [load] [growth]`.
//!
//! Contestants take turns on fresh copies of one database, and what counts is the ratio within a round, so that a machine that is busy
//! with something else for a while doesn't decide. Results go to stdout as Markdown, and with `--write` into a document.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program of its own that reads its arguments and prints"
)]

mod growth;
mod load;
mod sealing;
mod settings;
mod site;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use table::Table;

/// What may go wrong: anything, and then the measurement ends.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const MEASUREMENTS: [&str; 4] = ["settings", "sealing", "load", "growth"];

/// What to measure.
struct Args {
    /// How many accounts; each measurement has its own default.
    accounts: Option<u64>,
    /// How many locations, with a key each; twice as many as accounts unless told.
    locations: Option<u64>,
    /// How many accounts the measurement of growth has, one after the other.
    sizes: Vec<u64>,
    rounds: usize,
    /// The document to write to.
    write: Option<PathBuf>,
    /// Which measurements; none for all.
    which: Vec<String>,
}

impl Args {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut read = Self {
            accounts: None,
            locations: None,
            sizes: vec![10_000, 100_000, 1_000_000],
            rounds: 3,
            write: None,
            which: Vec::new(),
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--accounts" => read.accounts = Some(value()?.parse()?),
                "--locations" => read.locations = Some(value()?.parse()?),
                "--sizes" => read.sizes = value()?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
                "--rounds" => read.rounds = value()?.parse::<usize>()?.max(1),
                "--write" => read.write = Some(value()?.into()),
                // what cargo bench adds
                "--bench" => {}
                one if MEASUREMENTS.contains(&one) => read.which.push(arg),
                other => return Err(format!("{other} is not known; there are {}", MEASUREMENTS.join(", ")).into()),
            }
        }
        Ok(read)
    }

    fn wants(&self, one: &str) -> bool {
        self.which.is_empty() || self.which.iter().any(|which| which == one)
    }
}

fn main() -> ExitCode {
    // Compiled in passing by cargo test --benches: then there is nothing to measure.
    if cfg!(debug_assertions) {
        eprintln!("not measured: this is no release build");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args = Args::read(std::env::args().skip(1))?;
    let mut table = Table::default();
    tokio::runtime::Runtime::new()?.block_on(async {
        if args.wants("settings") {
            settings::measure(&args, &mut table).await?;
        }
        if args.wants("sealing") {
            sealing::measure(&args, &mut table).await?;
        }
        if args.wants("load") {
            load::measure(&args, &mut table).await?;
        }
        if args.wants("growth") {
            growth::measure(&args, &mut table).await?;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    print!("{}", table.text(args.rounds));
    if let Some(document) = &args.write {
        table.write(document, args.rounds)?;
    }
    Ok(())
}

/// Says how far it is.
fn note(text: &str) {
    eprintln!("{text}");
}
