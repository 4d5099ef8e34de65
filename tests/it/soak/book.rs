//! What the application's tables should hold: the set-up, and whatever the load has committed since.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// A location, as its last writer left it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Location {
    pub(super) account: i64,
    /// Tells its versions apart: each transaction gives it another name.
    pub(super) name: String,
    pub(super) key: Option<String>,
    /// It has moved between accounts, or the UI wrote its key: the key may then be sealed although its account is off.
    pub(super) loose: bool,
    /// When the transaction that wrote it began and ended, in seconds of the Unix epoch; zeros for the set-up.
    pub(super) written: (f64, f64),
}

/// What a transaction does, of one row.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The location as it is afterwards; `None` where it is deleted.
    Location(i64, Option<Location>),
    /// The account and email of a user.
    User(i64, Option<(i64, String)>),
    /// An account's explicit choice, and its reason, which tells it apart from others.
    Choice(i64, bool, String),
}

/// Everything that should be there.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) locations: BTreeMap<i64, Location>,
    pub(super) users: BTreeMap<i64, (i64, String)>,
    /// Since keyward was installed: the last choice of each account that made one.
    pub(super) choices: BTreeMap<i64, (bool, String)>,
    /// Since keyward was installed: how many choices were made, and how many events of each kind should be recorded.
    pub(super) requests: u64,
    pub(super) events: BTreeMap<&'static str, u64>,
}

impl Book {
    /// The set-up of so many accounts.
    pub(super) fn of(accounts: i64) -> Self {
        let mut book = Self::default();
        for id in 1..=accounts * 2 {
            let account = if id <= 30 { (id - 1) % 10 + 1 } else { (id - 1) % accounts + 1 };
            let (name, key) = (format!("location {id}"), Some(format!("key-{id}")));
            book.locations.insert(id, Location { account, name, key, loose: false, written: (0.0, 0.0) });
        }
        for id in 1..=30 {
            book.users.insert(id, ((id - 1) % 10 + 1, format!("user{id}@example.com")));
        }
        book
    }

    /// Enters what was committed, and the events that were recorded with it.
    pub(super) fn enter(&mut self, change: Change, events: &[&'static str]) {
        match change {
            Change::Location(id, Some(location)) => drop(self.locations.insert(id, location)),
            Change::Location(id, None) => drop(self.locations.remove(&id)),
            Change::User(id, Some(user)) => drop(self.users.insert(id, user)),
            Change::User(id, None) => drop(self.users.remove(&id)),
            Change::Choice(account, enabled, reason) => {
                self.choices.insert(account, (enabled, reason));
                self.requests += 1;
            }
        }
        for event in events {
            *self.events.entry(event).or_default() += 1;
        }
    }

    /// keyward is gone, and its records with it.
    pub(super) fn forget(&mut self) {
        self.choices.clear();
        self.events.clear();
        self.requests = 0;
    }
}

/// The time of day in seconds of the Unix epoch, as the server counts it: both run on one machine.
pub(super) fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
