//! How long it takes until one can ask a fresh server something: keyward's sandbox, pgtemp, and the server's own programs:
//! `cargo bench --bench sandbox -- [--rounds N] [--write FILE]`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program of its own that reads its arguments and prints"
)]

#[path = "../common/mod.rs"]
mod common;
mod pgtemp;
mod programs;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use common::{Common, Result, note, server, table};
use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::sandbox::Sandbox;
use table::{Goal, Table, median};

const PARTS: [&str; 1] = ["sandbox"];

fn main() -> ExitCode {
    common::main(run)
}

fn run() -> Result<()> {
    let args = Common::read(10, &PARTS, |_, _| Ok(false))?;
    let runtime = tokio::runtime::Runtime::new()?;
    // Not measured: the first start of a server version fills the cache.
    let first = Sandbox::start(server::options())?;
    let bin_dir = first.bin_dir().to_owned();
    let mut table = Table::default();
    table.part("sandbox", args.rounds);
    table.server(first.version().number());
    first.stop()?;

    let mut pgtemp = pgtemp::Starter::new()?;
    let (mut own, mut loopback, mut theirs, mut plain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        let began = settled()?;
        let sandbox = Sandbox::start(server::options())?;
        runtime.block_on(answers(&sandbox.url(), None))?;
        own.push(ms(began));
        sandbox.stop()?;

        let began = settled()?;
        let sandbox = Sandbox::start(server::options().listen(keyward::sandbox::Listen::Loopback))?;
        runtime.block_on(answers(&sandbox.url(), None))?;
        loopback.push(ms(began));
        sandbox.stop()?;

        let began = settled()?;
        let url = pgtemp.start(&bin_dir)?;
        runtime.block_on(answers(&url, Some(Duration::from_millis(2))))?;
        theirs.push(ms(began));

        let began = settled()?;
        let server = programs::Server::start(&bin_dir)?;
        runtime.block_on(answers(&server.url(), None))?;
        plain.push(ms(began));
        server.stop()?;
        let last = |all: &[f64]| all.last().copied().unwrap_or_default();
        note(&format!("round {round}: {:.0}, {:.0}, {:.0}, {:.0} ms", last(&own), last(&loopback), last(&theirs), last(&plain)));
    }
    let against = |own: &[f64]| median(&own.iter().zip(&theirs).map(|(own, base)| own / base).collect::<Vec<_>>());
    let shown = |all: &[f64]| format!("{:.0} ms", median(all));
    table.section("A fresh server, until it answers a query");
    table.row("pgtemp 0.7.1", &shown(&theirs), "1", None);
    table.row("`initdb --no-sync` and `pg_ctl start`", &shown(&plain), &format!("{:.2}", against(&plain)), None);
    table.ratio("keyward's sandbox", &shown(&own), against(&own), Goal::AtMost(0.5));
    table.ratio("keyward's sandbox on TCP, with a password", &shown(&loopback), against(&loopback), Goal::AtMost(0.5));
    common::conclude(&table, args.write.as_ref())
}

/// Returns the moment from which a start counts: when the disk is done with what the one before has left, thousands of removed files.
fn settled() -> Result<Instant> {
    Command::new("sync").status()?;
    Ok(Instant::now())
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// Connects and asks for something; again after a while, for up to ten seconds, where a start doesn't wait for its server.
async fn answers(url: &str, again: Option<Duration>) -> Result<()> {
    let settings = Settings::resolve(Some(url), &|_| None)?;
    let began = Instant::now();
    loop {
        match (Db::connect(&settings).await, again) {
            (Ok(mut db), _) => {
                db.execute("SELECT 1").await?;
                db.close().await;
                return Ok(());
            }
            (Err(_), Some(pause)) if began.elapsed() < Duration::from_secs(10) => tokio::time::sleep(pause).await,
            (Err(error), _) => return Err(error.into()),
        }
    }
}
