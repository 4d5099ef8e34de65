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

#[path = "../common/mod.rs"]
mod common;
mod growth;
mod load;
mod plain;
mod sealing;
mod settings;
mod site;
mod took;

use std::process::ExitCode;

use common::{Common, Result, note, table};
use table::Table;

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
}

fn main() -> ExitCode {
    common::main(run)
}

fn run() -> Result<()> {
    let (mut accounts, mut locations, mut sizes) = (None, None, vec![10_000, 100_000, 1_000_000]);
    let read = Common::read(3, &MEASUREMENTS, |arg, value| {
        match arg {
            "--accounts" => accounts = Some(value()?.parse()?),
            "--locations" => locations = Some(value()?.parse()?),
            "--sizes" => sizes = value()?.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let args = Args { accounts, locations, sizes, rounds: read.rounds };
    let mut table = Table::default();
    tokio::runtime::Runtime::new()?.block_on(async {
        for part in MEASUREMENTS.into_iter().filter(|part| read.wants(part)) {
            table.part(part, args.rounds);
            match part {
                "settings" => settings::measure(&args, &mut table).await?,
                "sealing" => sealing::measure(&args, &mut table).await?,
                "load" => load::measure(&args, &mut table).await?,
                _ => growth::measure(&args, &mut table).await?,
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    common::conclude(&table, read.write.as_ref())
}
