//! Batches of accounts: each one transaction, from one account to the next, in passes over the table until nobody is left.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use serde::Deserialize;

use super::ground::{Ground, asked, end, explain, guards_are_on, is_lost, pause, stopped, turned_off};
use super::{Options, Progress, Tally, Tell};
use crate::db::{Db, Failure, Param};
use crate::error::{Error, Result};

/// How many accounts the first batch takes.
const FIRST: usize = 64;

/// The most accounts that one claim looks at.
const WIDEST_SPAN: u64 = 20_000;

/// One wave's way through the accounts.
pub(super) struct Batches<'a> {
    ground: &'a Ground,
    options: &'a Options,
    stop: &'a AtomicBool,
    points: u16,
    began: Instant,
    /// How many accounts the next batch takes.
    size: usize,
    /// The accounts of the batch in hand.
    claimed: Vec<String>,
    pub(super) tally: Tally,
}

/// What a batch did.
enum Batch {
    /// Nothing: the guards are off.
    Off,
    /// The table ends here.
    End,
    /// It went as far as this account.
    Reached { last: String, accounts: u64, keys: u64, in_use: u64 },
}

#[derive(Deserialize)]
struct Claim {
    accounts: Vec<String>,
    last: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    account: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: i64,
}

impl<'a> Batches<'a> {
    /// Makes the way of a wave through a share of the accounts, in hundredths of a percent.
    pub(super) fn new(
        ground: &'a Ground,
        options: &'a Options,
        stop: &'a AtomicBool,
        points: u16,
        wave: i64,
        total: u64,
    ) -> Self {
        let size = FIRST.min(options.most.max(1));
        let tally = Tally { wave, total, ..Tally::default() };
        Self { ground, options, stop, points, began: Instant::now(), size, claimed: Vec::new(), tally }
    }

    /// Goes through the accounts, first those after `from`, then all of them, until a whole pass has left none.
    ///
    /// # Errors
    /// [`crate::error::Kind::Resumable`] if asked to stop, if accounts stay in use for longer than the patience, or if the
    /// connection is lost; [`crate::error::Kind::Refused`] if an account can't be enabled.
    pub(super) async fn all(&mut self, db: &mut Db, mut from: Option<String>, tell: &mut Tell<'_>) -> Result<()> {
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times()
            .build();
        let mut waiting_since = None;
        loop {
            let whole = from.is_none();
            self.pass(db, from.take(), tell).await?;
            let in_use = self.tally.in_use;
            if in_use == 0 {
                if whole {
                    return Ok(());
                }
                continue;
            }
            let left = self.options.patience.saturating_sub(waiting_since.get_or_insert_with(Instant::now).elapsed());
            if left.is_zero() {
                let accounts = if in_use == 1 { "1 account is".to_owned() } else { format!("{in_use} accounts are") };
                return Err(Error::resumable(format!("{accounts} in use: other transactions hold rows there"))
                    .with_hint("run the same command again later, or with a longer --patience: it goes on from here"));
            }
            let length = pauses.next().unwrap_or(Duration::from_secs(5)).min(left);
            tell(Progress::InUse(in_use, length));
            pause(length, self.stop).await?;
        }
    }

    /// Goes through the accounts after `from` once.
    async fn pass(&mut self, db: &mut Db, mut from: Option<String>, tell: &mut Tell<'_>) -> Result<()> {
        self.tally.in_use = 0;
        loop {
            if asked(self.stop) {
                return Err(stopped());
            }
            let began = Instant::now();
            self.claimed.clear();
            let done = self.attempt(db, from.as_deref()).await;
            let took = began.elapsed();
            match done {
                Ok(Batch::Off) => return Err(turned_off()),
                Ok(Batch::End) => return Ok(()),
                Ok(Batch::Reached { last, accounts, keys, in_use }) => {
                    self.adapt(took);
                    self.tally.accounts += accounts;
                    self.tally.keys += keys;
                    self.tally.in_use += in_use;
                    self.tally.elapsed = self.began.elapsed();
                    self.tally.longest_batch = self.tally.longest_batch.max(took);
                    from = Some(last);
                    tell(Progress::Batch(&self.tally));
                }
                Err(failure) => {
                    let single = match self.claimed.as_slice() {
                        [] => return Err(explain(failure, "the next accounts can't be read")),
                        [account] => Some(account.clone()),
                        many => {
                            // Half of it, and so on, down to the account that it is about.
                            self.size = many.len() / 2;
                            None
                        }
                    };
                    if is_lost(&failure) {
                        return Err(explain(failure, ""));
                    }
                    match single {
                        Some(account) if failure.is_transient() => {
                            self.tally.in_use += 1;
                            from = Some(account);
                        }
                        Some(account) => {
                            return Err(explain(
                                failure,
                                &format!("account {account} can't be enabled; nothing of it was changed"),
                            ));
                        }
                        None => {}
                    }
                }
            }
        }
    }

    /// Carries out one batch in one transaction.
    async fn attempt(&mut self, db: &mut Db, from: Option<&str>) -> Result<Batch, Failure> {
        self.ground.begin(db, self.options.lock_timeout, true).await?;
        let done = self.inside(db, from).await;
        end(db, done).await
    }

    async fn inside(&mut self, db: &mut Db, from: Option<&str>) -> Result<Batch, Failure> {
        if !guards_are_on(db).await? {
            return Ok(Batch::Off);
        }
        let sql = &self.ground.statements;
        // Twice as many as will be needed by the share; a few thousand are read in milliseconds.
        let span = (self.size as u64 * 2 * 10_000 / u64::from(self.points)).clamp(200, WIDEST_SPAN.max(self.size as u64));
        let params = [
            Param::OptionalText(from.map(str::to_owned)),
            Param::Int(span.cast_signed()),
            Param::Int((self.size as u64).cast_signed()),
            Param::Int(i64::from(self.points)),
        ];
        let claim: Claim = db.row(&sql.claim, &params).await?;
        self.claimed = claim.accounts;
        // A full claim stops at its last account; any other has seen the whole span.
        let last = if self.claimed.len() == self.size { self.claimed.last().cloned() } else { claim.last };
        let Some(last) = last else { return Ok(Batch::End) };
        if self.claimed.is_empty() {
            return Ok(Batch::Reached { last, accounts: 0, keys: 0, in_use: 0 });
        }

        let all = Param::Texts(self.claimed.clone());
        let mut in_use = BTreeSet::new();
        for key in &sql.keys {
            let rows: Vec<Account> = db.rows(&key.in_use, std::slice::from_ref(&all)).await?;
            in_use.extend(rows.into_iter().map(|row| row.account));
        }
        let free = self.claimed.iter().filter(|account| !in_use.contains(*account)).cloned().collect();
        let params = [Param::Texts(free), Param::Int(self.tally.wave), Param::Text(self.ground.actor.clone())];
        let enabled: Vec<Account> = db.rows(&sql.enable, &params).await?;
        let accounts = enabled.len() as u64;
        let enabled = Param::Texts(enabled.into_iter().map(|row| row.account).collect());
        let mut keys = 0;
        for key in &sql.keys {
            let sealed: Keys = db.row(&key.seal, std::slice::from_ref(&enabled)).await?;
            keys += sealed.keys;
        }
        let params =
            [Param::Int(self.tally.wave), Param::Text(last.clone()), Param::Int(accounts.cast_signed()), Param::Int(keys)];
        db.run(super::statements::ADVANCE, &params).await?;
        Ok(Batch::Reached { last, accounts, keys: keys.unsigned_abs(), in_use: in_use.len() as u64 })
    }

    /// Brings the size of the next batch nearer to what takes the target's time.
    fn adapt(&mut self, took: Duration) {
        let full = self.claimed.len() == self.size;
        if took > self.options.target {
            self.size = (self.size / 2).max(1);
        } else if full && took < self.options.target / 2 {
            self.size = (self.size * 2).min(self.options.most.max(1));
        }
    }
}
