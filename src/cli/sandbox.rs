//! `keyward sandbox`.

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use crate::db::Db;
use crate::db::settings::Settings;
use crate::error::{Error, Result};
use crate::sandbox::{Listen, Options, Sandbox};
use crate::script::{self, Source};

use super::Exit;
use super::context::Context;

const EXAMPLES: &str = "\
The server and everything in it are gone when this command ends, by Ctrl-C, SIGTERM or otherwise.

Examples:
  keyward sandbox
  keyward sandbox --schema schema.sql --schema data.sql
  keyward sandbox --bin-dir /usr/lib/postgresql/17/bin --loopback";

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::doc_markdown, reason = "they are help texts, shown as they stand")]
pub(crate) struct Args {
    /// Take the server's programs from this directory and nowhere else
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Listen on a free port of 127.0.0.1 too, with a random password
    #[arg(long)]
    loopback: bool,
    /// Run this file as the superuser first: SQL, or a plain dump of pg_dump's; give it again for more
    #[arg(long, value_name = "FILE")]
    schema: Vec<String>,
    /// Set a server parameter, such as wal_level=logical; give it again for more
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

/// Starts a server and waits for Ctrl-C.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<Exit> {
    // Read first: a file that isn't there needs no server.
    let scripts = args.schema.iter().map(|path| Source::load(path)).collect::<Result<Vec<_>>>()?;
    let heard = |error: std::io::Error| Error::bug("can't listen for signals").with_source(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(heard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(heard)?;

    let listen = if args.loopback { Listen::Loopback } else { Listen::UnixSocket };
    let sandbox = start(args.bin_dir.clone(), listen, &args.settings).await?;
    for source in &scripts {
        load(&sandbox, source).await?;
    }
    context.data(&sandbox.url());
    context.note(&format!(
        "PostgreSQL {} is up. Connect with: psql '{}'\nIt is gone, with everything in it, when you press Ctrl-C.",
        sandbox.version().number(),
        // The password is on stdout only, where it was asked for.
        sandbox.socket_url_as("postgres", "postgres")
    ));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tokio::task::spawn_blocking(|| sandbox.stop()).await.map_err(|_| Error::bug("the sandbox's thread gave up"))??;
    // This is how a sandbox is meant to end.
    Ok(Exit::Done)
}

/// Starts a server with the programs of a directory, or those that are found.
pub(super) async fn start(bin_dir: Option<PathBuf>, listen: Listen, settings: &[(String, String)]) -> Result<Sandbox> {
    let library_path = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
    let mut options = Options::new()
        .bin_dir(bin_dir)
        .search_path(std::env::var_os("PATH"))
        .library_path(std::env::var_os(library_path))
        .listen(listen);
    for (name, value) in settings {
        options = options.setting(name, value);
    }
    let started = tokio::task::spawn_blocking(|| Sandbox::start(options)).await;
    started.map_err(|_| Error::bug("the sandbox's thread gave up"))?
}

/// Runs a file as the superuser, as psql does.
async fn load(sandbox: &Sandbox, source: &Source) -> Result<()> {
    let mut connect = async |database: &str| {
        let settings = Settings::resolve(Some(&sandbox.socket_url_as("postgres", database)), &|_| None)?;
        let mut db = Db::connect(&settings).await?;
        // A server's defaults, not keyward's own.
        db.execute("RESET ALL").await?;
        Ok(db)
    };
    script::play(source, "postgres", &mut connect).await
}

/// Reads `name=value`.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
