//! A server as one would run it.

use std::path::PathBuf;

use keyward::db::Db;
use keyward::db::settings::Settings;
use keyward::sandbox::{Options, Sandbox};

use super::Result;

/// It waits for the disk, and has room for the write-ahead log of any contestant.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "8GB"),
    // As on a server that has run for a while: segments are used again. To make one anew takes tens of milliseconds, in which nobody commits.
    ("min_wal_size", "8GB"),
    ("checkpoint_timeout", "30min"),
    ("maintenance_work_mem", "256MB"),
    // It would come to help one of the contestants and not the other, as chance has it.
    ("autovacuum", "off"),
];

/// A server of the bench's own.
pub(crate) struct Server {
    pub(crate) sandbox: Sandbox,
}

impl Server {
    /// Starts it, with the programs that `KEYWARD_TEST_BIN_DIR` names or that are found.
    pub(crate) fn start() -> Result<Self> {
        let mut options = options();
        for (name, value) in SETTINGS {
            options = options.setting(*name, *value);
        }
        Ok(Self { sandbox: Sandbox::start(options)? })
    }

    /// Connects to a database as a role.
    pub(crate) async fn connect(&self, role: &str, database: &str) -> Result<Db> {
        Ok(Db::connect(&Settings::resolve(Some(&self.sandbox.url_as(role, database)), &|_| None)?).await?)
    }

    /// Runs a script, statement by statement.
    pub(crate) async fn run(&self, role: &str, database: &str, script: &str) -> Result<()> {
        let mut db = self.connect(role, database).await?;
        for statement in keyward::parse::split(script)? {
            db.execute(&statement).await?;
        }
        db.close().await;
        Ok(())
    }

    /// Returns the server's version, without what its distributor calls it.
    pub(crate) fn version(&self) -> String {
        self.sandbox.version().number().to_owned()
    }
}

/// Returns where a bench takes a server's programs from.
pub(crate) fn options() -> Options {
    Options::new().bin_dir(std::env::var_os("KEYWARD_TEST_BIN_DIR").map(PathBuf::from)).search_path(std::env::var_os("PATH"))
}
