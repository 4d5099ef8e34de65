//! The command line's entrance: everything else is in `src/cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    keyward::cli::main()
}
