//! A server with a database that serves as a template, and fresh copies of it: every contestant begins with the same data.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use keyward::apply::{self, Options as Apply};
use keyward::db::{Db, Param};
use keyward::manifest::Manifest;
use keyward::rollout::{self, Options, Tally};
use serde::Deserialize;

use crate::Result;
use crate::common::server::Server;

/// The manifest of the measured application.
pub(crate) const MANIFEST: &str = include_str!("keyward.toml");

/// What is on a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) accounts: u64,
    pub(crate) locations: u64,
    /// Whether the manifest has the key of the locations.
    pub(crate) keys: bool,
}

/// A server with a template.
pub(crate) struct Site {
    server: Server,
    pub(crate) manifest: Manifest,
    shape: Shape,
    copies: u32,
}

/// A fresh copy of the template.
#[derive(Debug)]
pub(crate) struct Copy {
    name: String,
}

impl Site {
    /// Starts a server and fills the template, with keyward applied.
    pub(crate) async fn build(shape: Shape) -> Result<Self> {
        let text = if shape.keys { MANIFEST } else { MANIFEST.split("[[keys]]").next().unwrap_or_default() };
        let manifest = Manifest::parse(text, "keyward.toml")?;
        let site = Self { server: Server::start()?, manifest, shape, copies: 0 };
        site.fill().await?;
        Ok(site)
    }

    async fn fill(&self) -> Result<()> {
        self.server.run("postgres", "postgres", include_str!("sql/roles.sql")).await?;
        let mut db = self.server.connect("app_owner", "shop").await?;
        db.execute(include_str!("sql/schema.sql")).await?;
        let accounts = Param::Int(self.shape.accounts.cast_signed());
        let locations = Param::Int(self.shape.locations.cast_signed());
        db.run(include_str!("sql/accounts.sql"), std::slice::from_ref(&accounts)).await?;
        db.run(include_str!("sql/locations.sql"), &[accounts, locations]).await?;
        db.execute(include_str!("sql/indexes.sql")).await?;
        let plan = apply::plan(&mut db, &self.manifest).await?;
        apply::apply(&mut db, &self.manifest, &plan, &Apply::default(), &mut |_| {}).await?;
        db.close().await;
        let mut db = self.server.connect("postgres", "shop").await?;
        db.execute("VACUUM (ANALYZE)").await?;
        db.close().await;
        Ok(())
    }

    /// Makes a fresh copy, with nothing left to be written to the disk.
    pub(crate) async fn copy(&mut self) -> Result<Copy> {
        self.copies += 1;
        let name = format!("copy_{}", self.copies);
        let mut db = self.server.connect("postgres", "postgres").await?;
        db.execute(&format!("CREATE DATABASE {name} TEMPLATE shop OWNER app_owner")).await?;
        db.execute("CHECKPOINT").await?;
        db.close().await;
        Ok(Copy { name })
    }

    /// Removes a copy.
    pub(crate) async fn remove(&self, copy: Copy) -> Result<()> {
        let mut db = self.server.connect("postgres", "postgres").await?;
        db.execute(&format!("DROP DATABASE {} WITH (FORCE)", copy.name)).await?;
        db.close().await;
        Ok(())
    }

    /// Connects to a copy as the owner of the tables.
    pub(crate) async fn connect(&self, copy: &Copy) -> Result<Db> {
        self.server.connect("app_owner", &copy.name).await
    }

    /// Returns the URL of a copy for the owner of the tables.
    pub(crate) fn url(&self, copy: &Copy) -> String {
        self.server.sandbox.url_as("app_owner", &copy.name)
    }

    /// Returns the server's version, without what its distributor calls it.
    pub(crate) fn version(&self) -> String {
        self.server.version()
    }

    /// Rolls out to everybody on a copy, and returns what was done and how long all of it took.
    pub(crate) async fn roll_out(&self, copy: &Copy, workers: usize) -> Result<(Tally, Duration)> {
        let options = Options { workers, ..Options::run() };
        self.roll_out_with(copy, &options, &AtomicBool::new(false)).await
    }

    /// The same with other options.
    pub(crate) async fn roll_out_with(&self, copy: &Copy, options: &Options, stop: &AtomicBool) -> Result<(Tally, Duration)> {
        let mut db = self.connect(copy).await?;
        let began = Instant::now();
        let ran = rollout::run(&mut db, &self.manifest, options, stop, &mut |_| {}).await?;
        let took = began.elapsed();
        db.close().await;
        Ok((ran.tally.unwrap_or_default(), took))
    }

    /// Checks that everybody is enabled on a copy, and every key sealed.
    pub(crate) async fn prove(&self, copy: &Copy) -> Result<()> {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Proof {
            enabled: u64,
            sealed: u64,
            published: u64,
        }
        if !self.shape.keys {
            return Ok(());
        }
        let mut db = self.connect(copy).await?;
        db.execute("SET ROLE keyward_owner").await?;
        let proof: Proof = db.row(include_str!("sql/proof.sql"), &[]).await?;
        db.close().await;
        let wanted = Proof { enabled: self.shape.accounts, sealed: self.shape.locations, published: 0 };
        if proof == wanted { Ok(()) } else { Err(format!("{proof:?} instead of {wanted:?}").into()) }
    }
}
