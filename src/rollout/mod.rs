//! The batch job that turns the setting on, account by account: runs, their end, their undoing, and how far they are.
//!
//! [`run()`] brings a share of the accounts to enabled, [`finish()`] makes the setting the default and proves that no enabled
//! account has a published key, [`revert()`] undoes what a wave did, [`status()`] tells how far it is, [`preview()`] whom it would hit.
//!
//! Each is a *wave*, cut into chunks: ranges of account ids. Workers, in one process or in many, lease chunks and go through them in batches. A batch is
//! one transaction: settings, keys, progress, and the proof that the lease still holds. So whatever ends a worker, nothing is half done,
//! and others go on where it was. Nothing is kept in memory but one batch.
//!
//! It never makes the application wait: an account with a row in use is left for a later pass, one that can't be changed is parked.
//!
//! | file | what is in it |
//! |---|---|
//! | `run`, `finish`, `revert` | a command each, from the first look to the last word |
//! | `wave`, `course` | the wave's row, how processes join it and cut it into chunks; what its workers have in common |
//! | `crew`, `worker`, `lease`, `batch`, `size`, `park` | the workers of one process; one worker; its chunk; one transaction; how big; what it can't do |
//! | `cutover`, `control`, `throttle`, `gate` | what holds a wave: the calendar, a person, the server, the manifest's checks at its end |
//! | `closing`, `stragglers` | older transactions, and the keys that they publish late |
//! | `ground`, `statements`, `percent`, `status`, `preview` | what all stand on; how far it is, whom it would hit |

mod ask;
mod batch;
mod closing;
mod control;
mod course;
mod crew;
mod cutover;
mod finish;
mod gate;
mod ground;
mod lease;
mod park;
mod percent;
mod preview;
mod revert;
mod run;
mod size;
mod statements;
mod status;
mod stragglers;
mod throttle;
mod wave;
mod worker;

use std::time::Duration;

pub use control::{Control, pause, resume};
pub use cutover::wait_for_cutover;
pub use finish::{Finished, Proof, finish};
pub use gate::GateResult;
pub use percent::Percent;
pub use preview::{Fact, Hit, PREVIEW_SCHEMA, Preview, preview};
pub use revert::{Reverted, Target, Undoable, revert, undoable};
pub use run::{Ran, Share, run, share};
pub use status::{KeyStatus, MOST_PARKED, Parked, Policy, SCHEMA, Source, Status, Wave, Worker, status};
pub use throttle::{Measure, Signal};

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
    /// Only these accounts, by their ids as the server prints them: canaries. [`finish()`] takes all of them.
    pub list: Option<Vec<String>>,
    /// At most so many accounts in one wave.
    pub limit: Option<u64>,
    /// How many workers this process has, each with a connection of its own.
    pub workers: usize,
    /// How many rows a second this process may write (accounts, or keys where they are more); `None` for as many as it can.
    pub pace: Option<f64>,
    /// Don't fire the application's triggers when keys move; takes the right to set `session_replication_role`.
    pub skip_app_triggers: bool,
    /// How many accounts a wave may park before it is taken for a general failure.
    pub max_parked: u64,
    /// [`finish()`] leaves parked accounts off instead of refusing.
    pub leave_parked: bool,
    /// How long a worker may be silent before another takes its chunk over.
    pub lease: Duration,
    /// Who this process is, for people: host and process id.
    pub process: String,
    /// The manifest's limits, throttle queries and gates.
    pub rollout: crate::manifest::Rollout,
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
            most: 20_000,
            list: None,
            limit: None,
            workers: 1,
            pace: None,
            skip_app_triggers: false,
            max_parked: 100,
            leave_parked: false,
            lease: Duration::from_secs(15),
            process: String::new(),
            rollout: crate::manifest::Rollout::default(),
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
    /// The accounts that this run parked: they could not be changed.
    pub parked: u64,
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
    /// Nothing is begun now, and why: the rollout is paused, or a signal of the throttle is over its limit. `None`: it goes on.
    Held(Option<&'a str>),
    /// An account could not be changed; the wave goes on without it.
    Parked {
        /// The account's id.
        account: &'a str,
        /// What refused, without a word that may quote a row.
        problem: &'a str,
    },
    /// The cutover is waited for; so long from now, by the server's clock.
    UntilCutover(Duration),
    /// Something that the user should know.
    Note(String),
}

/// Where progress goes.
type Tell<'a> = dyn FnMut(Progress<'_>) + Send + 'a;
