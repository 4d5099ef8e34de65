//! A worker: one connection that leases chunks of a wave and goes through them, batch by batch, until none is left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::batch::{self, Batch};
use super::course::Course;
use super::ground::{asked, end, explain, is_lost, pause, stopped, turned_off};
use super::lease::Lease;
use super::size::Size;
use super::{park, statements, wave};
use crate::apply;
use crate::db::settings::Settings;
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};

/// How long to wait before looking again for what others are busy with.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a worker tells its process.
#[derive(Debug)]
pub(super) enum Event {
    /// It has a number.
    Began { worker: i64 },
    /// A batch was committed.
    Batch { worker: i64, accounts: u64, keys: u64, in_use: u64, took: Duration },
    /// Accounts are in use: they are looked at again after this pause.
    InUse { accounts: u64, pause: Duration },
    /// An account was parked.
    Parked { account: String, problem: String },
}

/// What the workers of one process share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// The user asks to stop.
    pub(super) stop: &'a AtomicBool,
    /// A worker of this process has failed: the others stop too.
    pub(super) halt: AtomicBool,
    /// Why no batch may begin now; `None` if it may.
    pub(super) hold: watch::Receiver<Option<String>>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    /// When the next batch may begin, where the pace is limited.
    pub(super) pace: Mutex<Option<Instant>>,
}

/// One worker.
struct Worker<'a> {
    db: Db,
    id: i64,
    course: &'a Course<'a>,
    shared: &'a Shared<'a>,
    size: Size,
    claimed: Vec<String>,
    waiting_since: Option<Instant>,
}

/// Works on a wave until nothing of it is left.
///
/// # Errors
/// [`crate::error::Kind::Resumable`] if asked to stop, if accounts stay in use for longer than the patience, or if the connection is lost;
/// [`crate::error::Kind::Refused`] if the server or the database is not in a state to go on.
pub(super) async fn work(settings: &Settings, course: &Course<'_>, shared: &Shared<'_>) -> Result<()> {
    let db = Db::connect(settings).await?;
    let size = Size::new(course.options.target, course.options.most);
    let mut worker = Worker { db, id: 0, course, shared, size, claimed: Vec::new(), waiting_since: None };
    let done = worker.run().await;
    if done.is_err() {
        shared.halt.store(true, Ordering::Relaxed);
    }
    worker.db.close().await;
    done
}

impl Worker<'_> {
    async fn run(&mut self) -> Result<()> {
        apply::shared_runner(&mut self.db, Duration::from_secs(10), &mut |_| {}).await?;
        self.register().await.map_err(|failure| explain(failure, "a worker can't be registered"))?;
        while let Some(lease) = self.next().await? {
            self.through(lease).await?;
        }
        Ok(())
    }

    /// Gives itself a number, and holds its lock: who looks at the lock knows that it is alive.
    async fn register(&mut self) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Numbered {
            id: i64,
        }
        let ground = self.course.ground;

        ground.begin(&mut self.db, Duration::from_secs(10), true).await?;
        let params = [Param::Int(self.course.wave), ground.actor.as_str().into(), self.course.options.process.as_str().into()];
        let numbered = self.db.row::<Numbered>(statements::WORKER, &params).await;
        self.id = end(&mut self.db, numbered).await?.id;
        self.db
            .run("SELECT pg_catalog.pg_advisory_lock($1::integer, $2::integer)", &[Param::Int(WORKER_LOCK), Param::Int(self.id)])
            .await?;
        self.tell(Event::Began { worker: self.id });
        Ok(())
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more once the process is leaving.
        let _ = self.shared.events.send(event);
    }

    fn must_stop(&self) -> bool {
        asked(self.shared.stop) || self.shared.halt.load(Ordering::Relaxed)
    }

    /// Returns the next chunk, waiting for those that others work on; `None` when the wave has none left.
    async fn next(&mut self) -> Result<Option<Lease>> {
        loop {
            if self.must_stop() {
                return Err(stopped());
            }
            if self.is_held().await {
                continue;
            }
            let leased = Lease::acquire(&mut self.db, self.course, self.id).await;
            if let Some(lease) = leased.map_err(|failure| explain(failure, "no chunk can be leased"))? {
                return Ok(Some(lease));
            }
            if wave::cut(&mut self.db, self.course).await? {
                continue;
            }
            let open = wave::open(&mut self.db, self.course).await?;
            if open.chunks == 0 {
                return Ok(None);
            }
            if open.free > 0 {
                continue;
            }
            if open.leased > 0 || open.in_use == 0 {
                pause(LOOK_AGAIN, self.shared.stop).await?;
                continue;
            }
            let patience = self.course.options.patience;
            let left = patience.saturating_sub(self.waiting_since.get_or_insert_with(Instant::now).elapsed());
            if left.is_zero() {
                return Err(still_in_use(open.in_use));
            }
            let length = open.wait().clamp(Duration::from_millis(10), left.max(Duration::from_millis(10)));
            self.tell(Event::InUse { accounts: open.in_use, pause: length });
            pause(length, self.shared.stop).await?;
        }
    }

    /// Waits a little while no batch may begin, and tells whether that was so.
    async fn is_held(&self) -> bool {
        let mut hold = self.shared.hold.clone();
        if hold.borrow_and_update().is_none() {
            return false;
        }
        // Told at once when it changes; a stop is looked for now and then.
        let _ = tokio::time::timeout(LOOK_AGAIN, hold.changed()).await;
        true
    }

    /// Goes through a chunk to its end, or until the lease is lost.
    async fn through(&mut self, mut lease: Lease) -> Result<()> {
        let mut renewed = Instant::now();
        loop {
            if self.must_stop() {
                // If this fails the connection is gone, and the lease with it.
                let _ = lease.give_back(&mut self.db, self.course).await;
                return Err(stopped());
            }
            if self.is_held().await || self.is_ahead_of_pace().await {
                if renewed.elapsed() > self.course.options.lease / 3 {
                    let ours = lease.renew(&mut self.db, self.course).await;
                    if !ours.map_err(|failure| explain(failure, "a lease can't be renewed"))? {
                        return Ok(());
                    }
                    renewed = Instant::now();
                }
                continue;
            }
            if lease.is_spent() {
                return lease
                    .close(&mut self.db, self.course)
                    .await
                    .map_err(|failure| explain(failure, "a chunk can't be closed"));
            }
            let began = Instant::now();
            let size = self.paced_size();
            let done = batch::attempt(&mut self.db, self.course, &lease, &size, &mut self.claimed).await;
            let took = began.elapsed();
            renewed = Instant::now();
            match done {
                Ok(Batch::Done(step)) => {
                    // At the end of a chunk, and where nearly all have settings of their own, there was too little to learn from.
                    let full = !step.end && !step.cut && step.claimed * 8 >= size.accounts();
                    self.size.took(took, step.empty, step.keys, full);
                    self.size.passed(step.claimed);
                    if step.cut {
                        self.size.cut(step.claimed);
                    }
                    self.spend(step.accounts.max(step.keys), began);
                    if step.accounts > 0 {
                        self.waiting_since = None;
                    }
                    let (worker, accounts, keys, in_use) = (self.id, step.accounts, step.keys, step.in_use);
                    self.tell(Event::Batch { worker, accounts, keys, in_use, took });
                    if step.end {
                        return Ok(());
                    }
                    lease.moved(&step);
                }
                Ok(Batch::Lost) => return Ok(()),
                Ok(Batch::Paused) => pause(LOOK_AGAIN, self.shared.stop).await?,
                Ok(Batch::Off) => return Err(turned_off()),
                Ok(Batch::Over) => return Err(over()),
                Err(failure) => {
                    if !self.find(&mut lease, failure).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Narrows a failed batch down to the account that it is about, and sets that one aside or parks it. Tells whether the lease is still its own.
    async fn find(&mut self, lease: &mut Lease, failure: Failure) -> Result<bool> {
        if is_lost(&failure) {
            return Err(explain(failure, ""));
        }
        if !park::is_one_accounts(&failure) {
            return Err(explain(failure, "the wave can't go on"));
        }
        match self.claimed.as_slice() {
            // A single statement for the whole span failed, or the chunk itself could not be locked.
            [] if failure.is_transient() || !self.size.is_searching() => {
                self.size.failed(self.size.accounts());
                Ok(true)
            }
            [] => Err(explain(failure, "the next accounts can't be read")),
            [account] => {
                let account = account.clone();
                self.size.found();
                match failure {
                    Failure::Server(refusal) if !failure_is_transient(&refusal.code) => {
                        self.park(&account, &refusal).await?;
                        Ok(true)
                    }
                    Failure::Server(_) => self.set_aside(lease, account).await,
                    other => Err(explain(other, &format!("account {account} can't be changed"))),
                }
            }
            many => {
                self.size.failed(many.len());
                Ok(true)
            }
        }
    }

    async fn park(&mut self, account: &str, refusal: &crate::db::Refusal) -> Result<()> {
        let parked = park::park(&mut self.db, self.course, account, refusal).await;
        let parked = parked.map_err(|failure| explain(failure, &format!("account {account} can't be parked")))?;
        let problem = park::problem(refusal);
        self.tell(Event::Parked { account: account.to_owned(), problem: format!("{problem} ({})", refusal.code) });
        let most = self.course.options.max_parked;
        if parked > most {
            return Err(Error::refused(format!("{parked} accounts could not be changed and are parked, more than the {most} allowed"))
                .with_source(format!("the last of them: {problem} ({})", refusal.code))
                .with_hint("keyward rollout status lists them; mend what refuses, then run the same command again, or allow more with --max-parked"));
        }
        Ok(())
    }

    /// Leaves an account whose rows or setting are in use for a later pass.
    async fn set_aside(&mut self, lease: &mut Lease, account: String) -> Result<bool> {
        let step = super::lease::Step { reached: Some(account), in_use: 1, ..super::lease::Step::default() };
        self.course.ground.begin(&mut self.db, Duration::from_secs(10), true).await?;
        let done = lease.advance(&mut self.db, self.course, &step).await;
        let ours = end(&mut self.db, done).await.map_err(|failure| explain(failure, "progress can't be written down"))?;
        lease.moved(&step);
        let worker = self.id;
        self.tell(Event::Batch { worker, accounts: 0, keys: 0, in_use: 1, took: Duration::ZERO });
        Ok(ours)
    }

    /// Waits a little where the pace is limited and used up, and tells whether that was so.
    async fn is_ahead_of_pace(&self) -> bool {
        let next = self.shared.pace.lock().ok().and_then(|pace| *pace);
        let Some(wait) = next.and_then(|next| next.checked_duration_since(Instant::now())) else { return false };
        tokio::time::sleep(wait.min(LOOK_AGAIN)).await;
        true
    }

    /// Counts the rows of a batch against the pace, from when it began: the time that it took is no pause.
    #[expect(clippy::cast_precision_loss, reason = "rows of one batch")]
    fn spend(&self, rows: u64, began: Instant) {
        if let (Some(pace), Ok(mut next)) = (self.course.options.pace, self.shared.pace.lock()) {
            let from = next.unwrap_or(began).max(began);
            *next = Some(from + Duration::from_secs_f64(rows as f64 / pace));
        }
    }

    /// Returns the size of the next batch: with a limited pace, no more than is due in a fiftieth of a second. What it writes to the log then never
    /// makes a long wait for whoever commits next.
    fn paced_size(&self) -> Size {
        let mut size = self.size.clone();
        if let Some(pace) = self.course.options.pace {
            size.at_most(pace / 50.0);
        }
        size
    }
}

/// The class of the advisory lock that a worker holds as long as it lives.
const WORKER_LOCK: i64 = 1_801_812_344;

fn failure_is_transient(code: &str) -> bool {
    matches!(code, "55P03" | "40P01" | "40001")
}

pub(super) fn still_in_use(accounts: u64) -> Error {
    let accounts = if accounts == 1 { "1 account is".to_owned() } else { format!("{accounts} accounts are") };
    Error::resumable(format!("{accounts} in use: other transactions hold rows there"))
        .with_hint("run the same command again later, or with a longer --patience: it goes on from here")
}

/// The error where somebody else has ended the wave.
pub(super) fn over() -> Error {
    Error::resumable("the wave was ended by another command").with_hint("keyward rollout status says how it stands")
}
