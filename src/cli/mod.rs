//! The command line: reads arguments and environment, runs one command, prints, and maps errors to exit codes.
//!
//! One file per command, each with its `Args` and a `run`. Data goes to stdout, everything else to stderr, both through
//! `Context`. The rest of the crate neither prints nor reads the environment.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the room that clap, indicatif and the environment belong to"
)]

mod account;
mod apply;
mod args;
mod audit;
mod completions;
pub(crate) mod context;
mod demo;
mod exit;
mod init;
mod lint;
mod plan;
mod policy;
mod progress;
mod rollout;
mod sandbox;
mod status;
mod uninstall;
mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _, ValueEnum as _};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{Error, Kind, Result};
use args::{Cli, Command};
use context::{Context, write_stderr};
pub(crate) use exit::Exit;

/// Runs the command line of this process, and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    exit::say_panics();
    catch_unwind(AssertUnwindSafe(parse_and_run)).unwrap_or_else(|_| ExitCode::from(Kind::Bug.exit_code()))
}

fn parse_and_run() -> ExitCode {
    let cli = match Cli::try_parse().and_then(check_output) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data and no failure; clap knows which stream each goes to. A closed pipe has had enough.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let Cli { command, global } = cli;
    let context = Context::new(global);
    match run_in_runtime(&context, command) {
        Ok(exit) => exit.code(),
        Err(error) => {
            write_stderr(&exit::explain(&error, context.paint_notes()));
            ExitCode::from(error.kind().exit_code())
        }
    }
}

/// Refuses a format that the command has no data in.
fn check_output(cli: Cli) -> Result<Cli, clap::Error> {
    let outputs = cli.command.outputs();
    if outputs.contains(&cli.global.output) {
        return Ok(cli);
    }
    let name = |output: &args::Output| output.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let known: Vec<_> = outputs.iter().map(name).collect();
    let message = format!("this command has no --output {}: it knows {}", name(&cli.global.output), known.join(", "));
    Err(Cli::command().error(clap::error::ErrorKind::InvalidValue, message))
}

fn run_in_runtime(context: &Context, command: Command) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::usage("can't start: the system refuses threads or file handles").with_source(error))?;
    runtime.block_on(async {
        if command.handles_interrupts() {
            return run(context, command).await;
        }
        // Listens from here on, not only when it is first polled.
        let mut interrupt = signal(SignalKind::interrupt())
            .map_err(|error| Error::bug("can't listen for Ctrl-C").with_source(error))?;
        tokio::select! {
            done = run(context, command) => done,
            _ = interrupt.recv() => Err(Error::new(Kind::Interrupted, "interrupted")
                .with_hint("the open transaction is rolled back; what was done before stays, and the same command goes on from there")),
        }
    })
}

async fn run(context: &Context, command: Command) -> Result<Exit> {
    match command {
        Command::Init(args) => init::run(context, &args).await,
        Command::Plan(args) => plan::run(context, &args).await,
        Command::Apply(args) => apply::run(context, &args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::Audit(args) => audit::run(context, &args).await,
        Command::Lint(args) => lint::run(context, &args).await,
        Command::Verify(args) => verify::run(context, &args).await,
        Command::Uninstall(args) => uninstall::run(context, &args).await,
        Command::Rollout(args) => rollout::run(context, &args).await,
        Command::Policy(args) => policy::run(context, &args).await,
        Command::Account(command) => account::run(context, &command).await,
        Command::Demo(args) => demo::run(context, &args).await,
        Command::Sandbox(args) => sandbox::run(context, &args).await,
        Command::Completions(args) => Ok(completions::run(context, &args)),
        Command::Man => completions::man(context),
    }
}
