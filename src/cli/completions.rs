//! `keyward completions` and `keyward man`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::error::{Error, Result};

use super::Exit;
use super::args::Cli;
use super::context::Context;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  keyward completions bash > /etc/bash_completion.d/keyward\n  keyward completions zsh > ~/.zfunc/_keyward"
)]
pub(crate) struct Args {
    /// Choose the shell
    shell: Shell,
}

/// Prints the completion script.
pub(crate) fn run(context: &Context, args: &Args) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keyward", &mut script);
    context.data(&String::from_utf8_lossy(&script));
    Exit::Done
}

/// Prints the manual page.
pub(crate) fn man(context: &Context) -> Result<Exit> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .map_err(|error| Error::bug("the manual page can't be rendered").with_source(error))?;
    context.data(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
