//! keyward takes API keys out of reach, one account at a time, inside Postgres itself.
//!
//! The library is what the command line is made of. It never prints and never reads the environment; what it needs it is
//! handed, what happens it tells through callbacks.
//!
//! | module | what is in it |
//! |---|---|
//! | [`manifest`] | `keyward.toml`: which tables, columns and roles, and how |
//! | [`catalog`] | the snapshot of what the database has |
//! | [`plan`] | manifest and snapshot make steps and findings, without a server |
//! | [`mod@apply`] | the steps, carried out under short locks, with a ledger |
//! | [`rollout`], [`account`], [`policy`], [`settle`], [`status`] | the setting, account by account, and whether the guards hold |
//! | [`audit`] | every way around that the catalogue shows, and every copy of a key |
//! | [`lint`] | migrations that would reopen a hole, found before they run |
//! | [`verify`] | attacks, tried as each role and rolled back |
//! | [`sandbox`], [`demo`] | an ephemeral Postgres, and the whole story on one |
//! | [`report`], [`cli`] | output formats, and the command line |
//! | [`db`], [`ident`], [`template`], [`parse`], [`script`], [`schema`], [`error`] | the doors and the ground |
//!
//! ```no_run
//! use keyward::db::{Db, settings::Settings};
//! use keyward::manifest::Manifest;
//!
//! # async fn example() -> keyward::error::Result<()> {
//! let manifest = Manifest::load("keyward.toml".as_ref())?;
//! let settings = Settings::resolve(Some("postgres://app_owner@localhost/app"), &|_| None)?;
//! let mut db = Db::connect(&settings).await?;
//! let plan = keyward::apply::plan(&mut db, &manifest).await?;
//! for step in &plan.steps {
//!     println!("{}: {}", step.id, step.why);
//! }
//! # Ok(())
//! # }
//! ```

pub mod account;
pub mod apply;
pub mod audit;
pub mod catalog;
pub mod cli;
pub mod db;
pub mod demo;
pub mod error;
pub mod evidence;
pub mod ident;
pub mod init;
pub mod lint;
pub mod manifest;
pub mod parse;
pub mod plan;
pub mod policy;
pub mod rehearsal;
pub mod report;
pub mod rollout;
pub mod sandbox;
pub mod schema;
pub mod script;
pub mod settle;
pub mod signature;
pub mod status;
pub mod template;
pub mod verify;
