//! The workers of one process, and what it looks after while they work: pauses, the throttle, and what status shows of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};

use super::course::Course;
use super::ground::stopped;
use super::throttle::Throttle;
use super::worker::{self, Event, Shared};
use super::{Progress, Tally, Tell, control, statements};
use crate::db::{Db, Param};
use crate::error::{Error, Kind, Result};

/// How often the process looks at what may hold it.
const TICK: Duration = Duration::from_secs(1);

/// What one worker has done and is doing.
#[derive(Debug, Default)]
struct Seen {
    accounts: u64,
    keys: u64,
}

/// The process's own connection, and what it knows.
struct Coordinator<'a, 'b> {
    db: &'a mut Db,
    course: &'a Course<'a>,
    throttle: Throttle,
    hold: watch::Sender<Option<String>>,
    workers: BTreeMap<i64, Seen>,
    tally: &'a mut Tally,
    began: Instant,
    tell: &'a mut Tell<'b>,
}

/// Lets the workers of this process work on a wave until nothing of it is left.
///
/// # Errors
/// The first worker's failure that isn't merely the consequence of another's.
pub(super) async fn work(
    db: &mut Db,
    course: &Course<'_>,
    stop: &AtomicBool,
    tally: &mut Tally,
    tell: &mut Tell<'_>,
) -> Result<()> {
    let settings = db.settings().clone();
    let (hold, told) = watch::channel(None);
    let (events, mut heard) = mpsc::unbounded_channel();
    let shared = Shared { stop, halt: AtomicBool::new(false), hold: told, events, pace: Mutex::new(None) };
    let throttle = Throttle::new(&course.options.rollout, course.ground);
    let mut coordinator =
        Coordinator { db, course, throttle, hold, workers: BTreeMap::new(), tally, began: Instant::now(), tell };
    coordinator.look().await?;
    let done = AtomicBool::new(false);
    let crew = async {
        let results = join_all((0..course.options.workers.max(1)).map(|_| worker::work(&settings, course, &shared))).await;
        done.store(true, Ordering::Relaxed);
        results
    };
    let (results, looked) = tokio::join!(crew, coordinator.listen(&mut heard, &done, &shared.halt));
    let failed = results.into_iter().filter_map(Result::err);
    // A worker that stopped because another failed says only that it stopped.
    let first = failed.chain(looked.err()).max_by_key(|error| (!is_mere_stop(error), error.kind() == Kind::Refused));
    first.map_or(Ok(()), Err)
}

fn is_mere_stop(error: &Error) -> bool {
    error.to_string() == stopped().to_string()
}

impl Coordinator<'_, '_> {
    /// Hears what the workers tell, and looks about every second, until they have ended.
    async fn listen(&mut self, heard: &mut mpsc::UnboundedReceiver<Event>, done: &AtomicBool, halt: &AtomicBool) -> Result<()> {
        // It has looked just before; by the next time each worker's session is known as keyward's by its lock.
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + TICK, TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut quick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                biased;
                Some(event) = heard.recv() => self.hear(event),
                _ = tick.tick() => {
                    if let Err(error) = self.look().await {
                        // Without its eyes the process stops.
                        halt.store(true, Ordering::Relaxed);
                        while !done.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        return Err(error);
                    }
                }
                _ = quick.tick() => {}
            }
            if done.load(Ordering::Relaxed) {
                while let Ok(event) = heard.try_recv() {
                    self.hear(event);
                }
                return self.report("ended", None).await;
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Began { worker } => {
                self.workers.insert(worker, Seen::default());
            }
            Event::Batch { worker, accounts, keys, in_use, took } => {
                let seen = self.workers.entry(worker).or_default();
                seen.accounts += accounts;
                seen.keys += keys;
                self.tally.accounts += accounts;
                self.tally.keys += keys;
                self.tally.in_use += in_use;
                self.tally.elapsed = self.began.elapsed();
                self.tally.longest_batch = self.tally.longest_batch.max(took);
                (self.tell)(Progress::Batch(self.tally));
            }
            Event::InUse { accounts, pause } => {
                self.tally.in_use = 0;
                (self.tell)(Progress::InUse(accounts, pause));
            }
            Event::Parked { account, problem } => {
                self.tally.parked += 1;
                (self.tell)(Progress::Parked { account: &account, problem: &problem });
            }
        }
    }

    /// Looks at what may hold the wave, tells the workers, and says what they do.
    async fn look(&mut self) -> Result<()> {
        let control = control::state(self.db, self.course.ground).await?;
        let (state, why) = if control.paused {
            ("paused", Some(control.to_string()))
        } else {
            let over = self.throttle.look(self.db).await?;
            if let Some(note) = self.throttle.note() {
                (self.tell)(Progress::Note(note));
            }
            let names: Vec<_> = over.iter().map(ToString::to_string).collect();
            if over.is_empty() { ("working", None) } else { ("throttled", Some(names.join("; "))) }
        };
        if *self.hold.borrow() != why {
            (self.tell)(Progress::Held(why.as_deref()));
            self.hold.send_replace(why.clone());
        }
        self.report(state, why.as_deref()).await
    }

    /// Writes down for status what the workers do.
    async fn report(&mut self, state: &str, why: Option<&str>) -> Result<()> {
        if self.workers.is_empty() {
            return Ok(());
        }
        let texts =
            |text: &dyn Fn(&i64, &Seen) -> String| Param::Texts(self.workers.iter().map(|(id, seen)| text(id, seen)).collect());
        let params = [
            texts(&|id, _| id.to_string()),
            texts(&|_, _| state.to_owned()),
            Param::OptionalTexts(vec![why.map(str::to_owned); self.workers.len()]),
            texts(&|_, seen| seen.accounts.to_string()),
            texts(&|_, seen| seen.keys.to_string()),
        ];
        let ground = self.course.ground;
        ground.begin(self.db, Duration::from_secs(10), true).await?;
        let done = self.db.run(statements::SEEN, &params).await;
        super::ground::end(self.db, done).await?;
        Ok(())
    }
}
