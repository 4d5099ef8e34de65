//! A slice of load by pgbench, which comes with PostgreSQL.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::common::server::Server;
use crate::table::percentile;

/// How many sessions there are at a time.
pub(crate) const CLIENTS: &str = "2";

/// What came of a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// Transactions a second.
    pub(crate) rate: f64,
    /// What 99 of 100 transactions took at most, in milliseconds.
    pub(crate) p99: f64,
}

/// Runs a script of pgbench's, over and over, each time as a transaction of its own.
pub(crate) fn run(server: &Server, (database, role): (&str, &str), script: &Path, seconds: u64, durable: bool) -> Result<Slice> {
    let folder = tempfile::tempdir()?;
    let wait = if durable { "on" } else { "off" };
    let ran = Command::new(program(server))
        .args(["--no-vacuum", "--protocol=prepared", "--log", "--client", CLIENTS, "--jobs", CLIENTS, "--username", role])
        .arg("--host")
        .arg(server.sandbox.socket_dir())
        .args(["--port", &server.sandbox.port().to_string(), "--time", &seconds.to_string(), "--log-prefix"])
        .arg(folder.path().join("log"))
        .arg("--file")
        .arg(script)
        .arg(database)
        .env("PGOPTIONS", format!("-c synchronous_commit={wait}"))
        .output()?;
    let (said, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if !ran.status.success() || problem.contains("aborted") {
        return Err(format!("pgbench as {role} in {database}: {problem}").into());
    }
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).and_then(|line| line.split_whitespace().next());
    Ok(Slice { rate: rate.ok_or("pgbench said no rate")?.parse()?, p99: p99(folder.path())? })
}

/// The server's own, or that of the search path.
fn program(server: &Server) -> OsString {
    let own: PathBuf = server.sandbox.bin_dir().join("pgbench");
    if own.exists() { own.into() } else { "pgbench".into() }
}

/// Reads how long each transaction took: the third word of each line of the logs, in microseconds.
fn p99(folder: &Path) -> Result<f64> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(file?.path())?;
        all.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok()));
    }
    all.sort_by(f64::total_cmp);
    Ok(percentile(&all, 0.99) / 1e3)
}
