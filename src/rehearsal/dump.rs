//! The schema of a live database, as the server's own `pg_dump` writes it: no rows, and nothing that logs in elsewhere.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::db::Db;
use crate::error::{Error, Kind, Result};
use crate::sandbox;
use crate::script::Source;

#[derive(Deserialize)]
struct Server {
    major: u32,
    database: String,
}

/// What is asked of the database before its dump is made.
const SERVER: &str = "SELECT current_setting('server_version_num')::int / 10000 AS major, current_database() AS database";

/// A schema that was dumped.
#[derive(Debug)]
pub struct Dumped {
    /// The dump.
    pub source: Source,
    /// The server's major version.
    pub major: u32,
    /// The database.
    pub database: String,
}

/// Dumps the schema of the database that `db` is connected to. Tables are only locked as a query locks them.
///
/// # Errors
/// [`Kind::Usage`] if there is no `pg_dump` that is new enough; [`Kind::Refused`], with what it said, if it fails.
pub async fn dump(db: &mut Db, bin_dir: Option<&Path>, search_path: Option<&OsStr>) -> Result<Dumped> {
    let Server { major, database } = db.row(SERVER, &[]).await?;
    let program = sandbox::client("pg_dump", major, bin_dir, search_path)?;
    let mut command = Command::new(&program);
    // Of subscriptions and user mappings, the one holds a password and so may the other: these are left out when the script is run.
    command.args(["--schema-only", "--no-subscriptions", "--no-password", "--encoding=UTF8", "--lock-wait-timeout=10s"]);
    for (variable, value) in db.settings().libpq_environment() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.env_remove("DATABASE_URL").env("LC_ALL", "C").stdin(Stdio::null());
    let failed = |why: String| {
        Error::new(Kind::Refused, format!("the schema of {database} can't be dumped by {}: {why}", program.display()))
    };
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .map_err(|_| Error::bug("the thread that dumps gave up"))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(said.trim().to_owned()).with_hint(
            "connect as somebody who may read every table, such as a superuser, or give the schema as a file: --schema FILE",
        ));
    }
    Ok(Dumped { source: Source::new(format!("the schema of {database}"), output.stdout), major, database })
}
