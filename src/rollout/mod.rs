//! The batch job that turns the setting on, account by account: runs, their end, and how far they are.
//!
//! [`run`] brings a share of the accounts to enabled, [`finish()`] makes the setting the default and proves that no enabled
//! account has a published key, [`status()`] tells how far it is. A batch is one transaction: settings, sealed keys, progress.
//! So whatever ends a run, nothing is half done, and the same command goes on. Nothing is kept in memory but one batch.
//!
//! It never makes the application wait: an account with a row in use is left for a later pass.

mod batch;
mod finish;
mod ground;
mod percent;
mod run;
mod statements;
mod status;
mod stragglers;
mod wave;

use std::time::Duration;

pub use finish::{Finished, Proof, finish};
pub use percent::Percent;
pub use run::{Preview, Ran, preview, run};
pub use status::{KeyStatus, Policy, SCHEMA, Source, Status, Wave, status};

use crate::apply::Blocker;
use crate::settle::Running;

/// How to roll out.
#[derive(Debug, Clone)]
pub struct Options {
    /// The share of the accounts; [`finish()`] takes all of them, whatever this says.
    pub percent: Percent,
    /// Work although the manifest's cutover has not come yet: canaries.
    pub before_cutover: bool,
    /// How long to come back for accounts whose rows are in use; in [`finish()`], also how long to wait for older transactions.
    pub patience: Duration,
    /// How long a run waits at its end for older transactions before it leaves them to [`finish()`].
    pub settle: Duration,
    /// How long a statement of a batch waits for a lock. Held row locks last as long, at worst, so it is short.
    pub lock_timeout: Duration,
    /// How long a batch should take: its size follows.
    pub target: Duration,
    /// The most accounts of one batch, at least 1.
    pub most: usize,
}

impl Options {
    /// Returns the options of `rollout run`: every account, after the cutover, 30 seconds of patience.
    #[must_use]
    pub fn run() -> Self {
        Self {
            percent: Percent::ALL,
            before_cutover: false,
            patience: Duration::from_secs(30),
            settle: Duration::from_secs(3),
            lock_timeout: Duration::from_millis(100),
            target: Duration::from_millis(50),
            most: 5_000,
        }
    }

    /// Returns the options of `rollout finish`: as [`Options::run`], with ten minutes of patience.
    #[must_use]
    pub fn finish() -> Self {
        Self { patience: Duration::from_mins(10), ..Self::run() }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// The wave's number.
    pub wave: i64,
    /// The accounts to be enabled when this run began.
    pub total: u64,
    /// The accounts enabled by this run.
    pub accounts: u64,
    /// The keys sealed by this run.
    pub keys: u64,
    /// The accounts that were left for later in this pass, since somebody holds a row of theirs.
    pub in_use: u64,
    /// The time since the run began.
    pub elapsed: Duration,
    /// The longest batch so far.
    pub longest_batch: Duration,
}

impl Tally {
    /// Returns the accounts enabled per second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { self.accounts as f64 / self.elapsed.as_secs_f64() }
    }
}

/// What happens during a rollout.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another keyward holds the database; it is waited for.
    Waiting(&'a Blocker),
    /// The wave begins, or one that was stopped goes on from where it was.
    Began {
        /// The wave's number.
        wave: i64,
        /// The accounts to be enabled.
        total: u64,
        /// It had been stopped.
        continued: bool,
    },
    /// A batch was committed.
    Batch(&'a Tally),
    /// Accounts are in use: they are looked at again after this pause.
    InUse(u64, Duration),
    /// Transactions that may not have seen the new settings are waited for.
    Settling(&'a [Running]),
    /// Something that the user should know.
    Note(String),
}

/// Where progress goes.
type Tell<'a> = dyn FnMut(Progress<'_>) + Send + 'a;
