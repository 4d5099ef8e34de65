//! Leases: a chunk of a wave belongs to one worker at a time, for a while. Time is the server's.

use std::time::Duration;

use serde::Deserialize;

use super::course::Course;
use super::ground::{end, guards_are_on};
use super::statements;
use crate::db::{Db, Failure, Param};

/// A chunk that a worker has leased.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Lease {
    no: i64,
    /// The last account of the chunk.
    pub(super) high: String,
    /// The last account that was looked at; `None` before the first account of all.
    pub(super) reached: Option<String>,
    fence: i64,
    /// How many accounts the chunk may still change; `None` for no limit.
    pub(super) left: Option<i64>,
    /// How many batches on end have found nothing to do: the next one looks further.
    #[serde(skip)]
    pub(super) barren: u32,
}

/// What a batch has done of a chunk.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The account that it reached; `None` for none.
    pub(super) reached: Option<String>,
    /// How many accounts it took on.
    pub(super) claimed: usize,
    /// The accounts whose setting it changed.
    pub(super) accounts: u64,
    /// The keys that it moved.
    pub(super) keys: u64,
    /// The accounts that it left for later.
    pub(super) in_use: u64,
    /// Whether the chunk ends there.
    pub(super) end: bool,
    /// How long the batch would have taken with nothing in it: the way to the server and back, for each statement.
    pub(super) empty: Duration,
    /// Whether it took on fewer accounts than it claimed, since they have many keys.
    pub(super) cut: bool,
}

/// How a worker stands with the chunk that it works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// It may go on.
    Good,
    /// The lease is another's by now.
    Lost,
    /// Somebody has ended the wave.
    Over,
    /// Somebody has paused the rollout.
    Paused,
    /// The guards are off.
    Off,
}

impl Lease {
    /// Leases a chunk, if there is one to be had now.
    pub(super) async fn acquire(db: &mut Db, course: &Course<'_>, worker: i64) -> Result<Option<Self>, Failure> {
        let ground = course.ground;
        ground.begin(db, course.options.lock_timeout, true).await?;
        let params = [Param::Int(course.wave), Param::Int(worker), Param::Int(course.lease_millis())];
        let leased = db.rows(&ground.statements.lease, &params).await;
        Ok(end(db, leased).await?.pop())
    }

    fn names(&self, course: &Course<'_>) -> [Param; 3] {
        [Param::Int(course.wave), Param::Int(self.no), Param::Int(self.fence)]
    }

    /// Locks the chunk until the end of the transaction, and tells how it stands with it.
    pub(super) async fn hold(&self, db: &mut Db, course: &Course<'_>) -> Result<Standing, Failure> {
        #[derive(Deserialize)]
        struct Row {
            standing: Standing,
        }
        let rows: Vec<Row> = db.rows_again(statements::HOLD, &self.names(course)).await?;
        match rows.first() {
            Some(row) => Ok(row.standing),
            // The chunk is cleared away, since others have done it; or the policy has lost its row.
            None if guards_are_on(db).await? => Ok(Standing::Lost),
            None => Ok(Standing::Off),
        }
    }

    /// Writes down what a batch has done, in its transaction, and tells whether the lease is still its own.
    pub(super) async fn advance(&self, db: &mut Db, course: &Course<'_>, step: &Step) -> Result<bool, Failure> {
        let [wave, no, fence] = self.names(course);
        let number = |value: u64| Param::Int(value.cast_signed());
        let params = [
            wave,
            no,
            fence,
            Param::OptionalText(step.reached.clone()),
            number(step.accounts),
            number(step.keys),
            number(step.in_use),
            Param::Int(course.lease_millis()),
            Param::Bool(step.end),
        ];
        Ok(db.run_again(statements::PROGRESS, &params).await? == 1)
    }

    /// Takes over what was committed of the chunk.
    pub(super) fn moved(&mut self, step: &Step) {
        if step.reached.is_some() {
            self.reached.clone_from(&step.reached);
        }
        self.barren = if step.claimed == 0 { self.barren + 1 } else { 0 };
        self.left = self.left.map(|left| left - step.accounts.cast_signed());
    }

    /// Tells whether the chunk's part of the wave's limit is used up.
    pub(super) fn is_spent(&self) -> bool {
        self.left.is_some_and(|left| left <= 0)
    }

    /// Keeps the lease while nothing is done with it, and tells whether it is still its own.
    pub(super) async fn renew(&self, db: &mut Db, course: &Course<'_>) -> Result<bool, Failure> {
        let [wave, no, fence] = self.names(course);
        self.write(db, course, statements::RENEW, &[wave, no, fence, Param::Int(course.lease_millis())]).await
    }

    /// Ends the chunk: its part of the limit is used up.
    pub(super) async fn close(&self, db: &mut Db, course: &Course<'_>) -> Result<(), Failure> {
        self.write(db, course, statements::CLOSE, &self.names(course)).await.map(drop)
    }

    /// Gives the chunk back before it is done.
    pub(super) async fn give_back(&self, db: &mut Db, course: &Course<'_>) -> Result<(), Failure> {
        self.write(db, course, statements::GIVE_BACK, &self.names(course)).await.map(drop)
    }

    async fn write(&self, db: &mut Db, course: &Course<'_>, statement: &str, params: &[Param]) -> Result<bool, Failure> {
        course.ground.begin(db, std::time::Duration::from_secs(10), true).await?;
        let done = db.run(statement, params).await;
        Ok(end(db, done).await? == 1)
    }
}
