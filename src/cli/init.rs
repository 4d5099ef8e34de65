//! `keyward init`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::init;
use crate::report::text::plural;

use super::Exit;
use super::context::Context;

const EXAMPLES: &str = "\
Reads the catalogue, and of columns that may hold keys a few hundred values, in one transaction that can't write. No value of a column
leaves the server. Exit code 1 if something is left for you to decide.

Examples:
  keyward init              write keyward.toml, unless there is one
  keyward init --out -      show what it would write";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Write to this file, or with - to stdout [default: the manifest, keyward.toml]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

/// Drafts a manifest.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    let path = args.out.clone().unwrap_or_else(|| context.manifest_path().into());
    let to_stdout = path.as_os_str() == "-";
    let there = |path: &Path| {
        Error::usage(format!("{} is there already", path.display()))
            .with_hint("name another file with --out, look at the draft with --out -, or overwrite it with --force")
    };
    // Asked twice: now, to spare the server, and when it is written.
    if !to_stdout && !args.force && path.exists() {
        return Err(there(&path));
    }
    let mut db = context.connect().await?;
    let draft = init::draft(&mut db, &if to_stdout { context.manifest_path() } else { path.display().to_string() }).await?;
    db.close().await;
    if to_stdout {
        context.data(&draft.text);
    } else if args.force {
        super::plan::write_whole(&path, &draft.text)?;
    } else {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        file.and_then(|mut file| file.write_all(draft.text.as_bytes())).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => there(&path),
            _ => Error::usage(format!("can't write {}", path.display())).with_source(error),
        })?;
    }
    if !to_stdout {
        context.note(&format!("wrote {}", path.display()));
    }
    context.note(&format!(
        "proposed: {} and {} that old API versions may no longer write",
        plural(draft.keys, "key column"),
        plural(draft.writes, "table")
    ));
    if draft.undecided.is_empty() {
        context.note("read it, then: keyward plan");
        return Ok(Exit::Done);
    }
    context.note("still to be decided, before keyward plan can make anything of it:");
    for line in &draft.undecided {
        context.note(&format!("  {line}"));
    }
    Ok(Exit::Findings)
}
