//! keyward's own tables: the migrations of `migrations/`, run by refinery over the one connection.

#![expect(clippy::disallowed_types, reason = "this is the door to refinery")]

use std::fmt::Write as _;
use std::time::SystemTime;

use refinery_core::traits::r#async::{AsyncMigrate, AsyncQuery, AsyncTransaction};
use refinery_core::{Migration, Runner};
use serde::Deserialize;

use crate::db::{Db, Failure};
use crate::error::{Error, Result};

/// The migrations of this build, oldest first: file stem and script.
const MIGRATIONS: &[(&str, &str)] = &[
    ("V1__base_tables", include_str!("../migrations/V1__base_tables.sql")),
    ("V2__rollout_engine", include_str!("../migrations/V2__rollout_engine.sql")),
    ("V3__observe", include_str!("../migrations/V3__observe.sql")),
    ("V4__ledger_signers", include_str!("../migrations/V4__ledger_signers.sql")),
];

/// Where refinery keeps which migrations ran.
const HISTORY: &str = "keyward.schema_history";

/// Returns the versions of this build's migrations, ascending.
#[must_use]
pub fn versions() -> Vec<i64> {
    migrations().map(|all| all.iter().map(|one| i64::from(one.version())).collect()).unwrap_or_default()
}

/// Returns the script of all migrations newer than the versions given, for people to read.
#[must_use]
pub fn script(applied: &[i64]) -> String {
    versions()
        .into_iter()
        .zip(MIGRATIONS)
        .filter(|(version, _)| !applied.contains(version))
        .map(|(_, (name, sql))| format!("-- migrations/{name}.sql\n{}", sql.trim()))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Returns the statements that enter the migrations of a [`script`] in refinery's table, for who runs the script without refinery.
#[must_use]
pub fn history(script: &str) -> String {
    let mut text = format!(
        "CREATE TABLE IF NOT EXISTS {HISTORY} (version int4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));"
    );
    let all = migrations().unwrap_or_default();
    for (migration, _) in
        all.iter().zip(MIGRATIONS).filter(|(_, (name, _))| script.contains(&format!("-- migrations/{name}.sql\n")))
    {
        // Writing to a String can't fail.
        let _ = write!(
            text,
            "\nINSERT INTO {HISTORY} (version, name, applied_on, checksum) VALUES ({}, '{}', \
             to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '{}');",
            migration.version(),
            migration.name(),
            migration.checksum()
        );
    }
    text
}

/// Runs the migrations that haven't run yet, each in a transaction of its own, as the role that the session has set.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if the database holds a migration that this build doesn't know (an older keyward on a newer
/// database) or another script under the same version; the statement's failure otherwise.
pub async fn migrate(db: &mut Db) -> Result<usize> {
    let mut runner = Runner::new(&migrations()?);
    runner.set_migration_table_name(HISTORY);
    let report = runner.run_async(&mut Connection(db)).await.map_err(|error| {
        let hint = "use the keyward version that wrote the database, or a newer one";
        Error::refused("keyward's base tables can't be brought up to date").with_source(error).with_hint(hint)
    })?;
    Ok(report.applied_migrations().len())
}

fn migrations() -> Result<Vec<Migration>> {
    MIGRATIONS
        .iter()
        .map(|(name, sql)| {
            Migration::unapplied(name, sql)
                .map_err(|error| Error::bug(format!("migrations/{name}.sql is misnamed")).with_source(error))
        })
        .collect()
}

/// refinery's traits on our connection, so that no second driver is needed.
struct Connection<'a>(&'a mut Db);

/// A row of the history table.
#[derive(Deserialize)]
struct Ran {
    version: u32,
    name: String,
    applied_on: String,
    checksum: String,
}

impl AsyncTransaction for Connection<'_> {
    type Error = Failure;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(&'a mut self, queries: T) -> Result<usize, Failure> {
        let mut count = 0;
        self.0.execute("BEGIN").await?;
        for query in queries {
            if let Err(failure) = self.0.execute(query).await {
                // The first failure is the one to tell; a rollback that fails too means that the connection is gone.
                let _ = self.0.execute("ROLLBACK").await;
                return Err(failure);
            }
            count += 1;
        }
        self.0.execute("COMMIT").await?;
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Connection<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Failure> {
        let rows: Vec<Ran> = self.0.rows(query, &[]).await?;
        rows.into_iter()
            .map(|ran| {
                let shape = |what: &str| Failure::Shape(format!("the {what} of a row of {HISTORY} can't be read"));
                let on: jiff::Timestamp = ran.applied_on.parse().map_err(|_| shape("time"))?;
                let checksum = ran.checksum.parse().map_err(|_| shape("checksum"))?;
                Ok(Migration::applied(
                    i32::try_from(ran.version).map_err(|_| shape("version"))?,
                    ran.name,
                    SystemTime::from(on).into(),
                    checksum,
                ))
            })
            .collect()
    }
}

impl AsyncMigrate for Connection<'_> {}
