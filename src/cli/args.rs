//! What can be written on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use super::{account, apply, audit, completions, demo, init, lint, plan, policy, rollout, sandbox, status, uninstall, verify};

/// Takes API keys out of reach, one account at a time, inside Postgres itself
#[derive(Debug, Parser)]
#[command(name = "keyward", version, propagate_version = false, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) global: Global,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  done, nothing to report        4    refused, or a lock that can't be had
  1  findings, drift, pending plan  5    stopped, but resumable
  2  usage, manifest or file error  70   a bug
  3  can't connect                  130  interrupted

Examples:
  keyward plan
  keyward apply --yes
  keyward status --output json";

/// The options that every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::doc_markdown, reason = "they are help texts, shown as they stand")]
pub(super) struct Global {
    /// Connect to this database: a postgres:// URL or key=value pairs (else DATABASE_URL, PG* variables, service files, pgpass)
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Read the manifest from this file [default: keyward.toml]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// Choose the format of the data on stdout (each command says which it knows)
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Output,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(super) yes: bool,
    /// Keep quiet on stderr, except for errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Choose when to use colour (auto: on a terminal, unless NO_COLOR is set)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// A format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// A script with comments
    Sql,
    /// Metrics in the text format of Prometheus
    Prometheus,
    /// Comma-separated values with a header
    Csv,
    /// A SARIF 2.1.0 log, for code scanning
    Sarif,
    /// JUnit XML, for CI servers
    Junit,
    /// Workflow commands of GitHub Actions, for annotations
    Github,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Draft a manifest from what a database says of itself
    Init(init::Args),
    /// Show what apply would do: steps, locks, hazards, and what stands in the way
    Plan(plan::Args),
    /// Bring the database to what the manifest says
    Apply(apply::Args),
    /// Show settings, keys, rollout and drift on one screen
    Status(status::Args),
    /// Show or change what the guards do: enforce, observe, or nothing
    Policy(policy::Args),
    /// Find every way around and every copy of a key that the catalogue shows
    Audit(audit::Args),
    /// Find the migrations that would reopen a hole, or take a dangerous lock, before they run
    Lint(lint::Args),
    /// Try every attack on the live database, as each role, and roll everything back
    Verify(verify::Args),
    /// Show, opt out, opt in, import and export accounts: the exceptions
    #[command(subcommand)]
    Account(account::Command),
    /// Turn the setting on, account by account
    Rollout(rollout::Args),
    /// Publish every key and remove everything that keyward installed
    Uninstall(uninstall::Args),
    /// Play the whole story on a server of its own: before, apply, roll out, after, uninstall
    Demo(demo::Args),
    /// Start an ephemeral Postgres and print its URL
    Sandbox(sandbox::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man,
}

impl Command {
    /// Returns the formats that the command's data comes in.
    pub(super) fn outputs(&self) -> &'static [Output] {
        match self {
            Self::Plan(args) if args.has_data() => &[Output::Text, Output::Json, Output::Sql],
            Self::Uninstall(args) if args.dry_run => &[Output::Text, Output::Json, Output::Sql],
            Self::Account(_) | Self::Policy(_) | Self::Status(_) => &[Output::Text, Output::Json],
            Self::Audit(_) | Self::Lint(_) | Self::Verify(_) => {
                &[Output::Text, Output::Json, Output::Sarif, Output::Junit, Output::Github]
            }
            Self::Rollout(args) => args.outputs(),
            // They have no data, or data of one kind.
            Self::Init(_)
            | Self::Plan(_)
            | Self::Apply(_)
            | Self::Uninstall(_)
            | Self::Demo(_)
            | Self::Sandbox(_)
            | Self::Completions(_)
            | Self::Man => &[Output::Text],
        }
    }

    /// Tells whether the command itself decides what Ctrl-C means; otherwise it ends at once with exit code 130.
    pub(super) fn handles_interrupts(&self) -> bool {
        matches!(self, Self::Sandbox(_)) || matches!(self, Self::Rollout(args) if args.handles_interrupts())
    }
}

/// Reads the duration that a lock is waited for: PostgreSQL counts in whole milliseconds, and takes 0 for ever.
pub(super) fn lock_timeout(text: &str) -> Result<Duration, String> {
    let wait = duration(text)?;
    if (1..=i32::MAX.unsigned_abs().into()).contains(&wait.as_millis()) {
        Ok(wait)
    } else {
        Err("a lock is waited for between 1ms and 24 days".to_owned())
    }
}

/// Reads a duration such as `500ms`, `60s` or `1m 30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| "write a duration with its unit, such as 500ms or 60s".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "a duration can't be negative".to_owned())
}
