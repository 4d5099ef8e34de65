//! What holds a wave while the server is busy: its own signals, and the DBA's queries, each with a limit.
//!
//! Looked at about once a second on the process's own connection, so that no batch waits for it. What can't be known counts as over its limit
//! where the DBA asked for it in words of their own; what the connected role may not see of the server is told once, and left out.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ask::{Answer, ask};
use super::ground::{Ground, is_lost};
use crate::db::{Db, Param};
use crate::error::{Error, Result};
use crate::manifest::{self, Limits};

/// The shortest time, in seconds, over which a rate is taken.
const SHORTEST_SPAN: f64 = 0.5;

/// For how many seconds checkpoints are counted.
const CHECKPOINT_WINDOW: f64 = 60.0;

/// What a signal measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Bytes of WAL that a standby has not replayed, or a replication slot holds back.
    LagBytes,
    /// Seconds that a standby's replay lags behind.
    LagSeconds,
    /// Sessions that wait for a heavyweight lock.
    LockWaiters,
    /// Sessions that run a statement.
    ActiveSessions,
    /// Bytes of WAL a second.
    WalBytesPerSecond,
    /// The age of the oldest transaction, in seconds.
    OldestTransactionSeconds,
    /// Checkpoints requested within the last minute.
    CheckpointsPerMinute,
    /// What a query of the DBA's own answers.
    Query,
}

/// A signal that is over its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// What it measures.
    pub measure: Measure,
    /// Of what: `standby "east"`, `slot "cdc"`, the name of a query; `None` for the server or the database.
    pub of: Option<String>,
    /// The value; `None` if there is none that can be compared.
    pub value: Option<f64>,
    /// The limit.
    pub limit: f64,
    /// Why there is no value: words and a SQLSTATE, no data.
    pub problem: Option<String>,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.of.as_deref().unwrap_or_default();
        match self.measure {
            Measure::LagBytes | Measure::LagSeconds => write!(f, "replication lag of {of}"),
            Measure::LockWaiters => f.write_str("sessions waiting for a lock"),
            Measure::ActiveSessions => f.write_str("active sessions"),
            Measure::WalBytesPerSecond => f.write_str("WAL written"),
            Measure::OldestTransactionSeconds => f.write_str("oldest transaction"),
            Measure::CheckpointsPerMinute => f.write_str("checkpoints requested within a minute"),
            Measure::Query => write!(f, "{of:?}"),
        }?;
        match (self.value, &self.problem) {
            (Some(value), _) => write!(f, ": {}, limit {}", self.measure.shown(value), self.measure.shown(self.limit)),
            (None, problem) => write!(f, ": {}", problem.as_deref().unwrap_or("no value")),
        }
    }
}

impl Measure {
    /// Returns a value with its unit, as `PostgreSQL` writes it.
    fn shown(self, value: f64) -> String {
        match self {
            Self::LagBytes => size(value),
            Self::WalBytesPerSecond => format!("{}/s", size(value)),
            Self::LagSeconds | Self::OldestTransactionSeconds => format!("{} s", number(value)),
            Self::LockWaiters | Self::ActiveSessions | Self::CheckpointsPerMinute | Self::Query => number(value),
        }
    }
}

/// Writes a number with at most one place after the point.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Writes a number of bytes as `pg_size_pretty` does.
fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value.abs() < 10_239.5 {
            return format!("{value:.0} {unit}");
        }
        value /= 1024.0;
    }
    format!("{value:.0} TB")
}

/// What the server said at one look.
#[derive(Debug, Default, Deserialize)]
struct Look {
    clock: f64,
    wal: Option<f64>,
    lags: Option<Vec<Lag>>,
    lock_waiters: Option<f64>,
    active_sessions: Option<f64>,
    oldest_transaction: Option<f64>,
    checkpoints: Option<f64>,
    hidden_sessions: u64,
}

#[derive(Debug, Default, Deserialize)]
struct Lag {
    of: String,
    name: String,
    hidden: bool,
    bytes: Option<f64>,
    seconds: Option<f64>,
}

/// What is remembered from look to look: rates are differences.
#[derive(Debug, Default)]
struct Memory {
    wal: Option<(f64, f64)>,
    wal_rate: Option<f64>,
    checkpoints: VecDeque<(f64, f64)>,
}

impl Memory {
    /// Returns how many bytes of WAL a second were written since the look before; `None` at the first.
    fn wal_rate(&mut self, clock: f64, wal: f64) -> Option<f64> {
        match self.wal {
            Some((before, _)) if clock >= before && clock - before < SHORTEST_SPAN => {}
            Some((before, written)) if clock > before && wal >= written => {
                self.wal_rate = Some((wal - written) / (clock - before));
                self.wal = Some((clock, wal));
            }
            // The first look, or the server's clock was set back.
            _ => {
                self.wal_rate = None;
                self.wal = Some((clock, wal));
            }
        }
        self.wal_rate
    }

    /// Returns how many checkpoints were requested within the last minute, as far as it was looked at.
    fn checkpoints(&mut self, clock: f64, count: f64) -> f64 {
        if self.checkpoints.back().is_some_and(|(before, counted)| clock < *before || count < *counted) {
            // The clock was set back, or the statistics were reset.
            self.checkpoints.clear();
        }
        self.checkpoints.push_back((clock, count));
        while self.checkpoints.front().is_some_and(|(at, _)| *at < clock - CHECKPOINT_WINDOW) {
            self.checkpoints.pop_front();
        }
        count - self.checkpoints.front().map_or(count, |(_, counted)| *counted)
    }
}

/// Tells which signals are over their limits.
fn judge(limits: &Limits, look: &Look, memory: &mut Memory) -> Vec<Signal> {
    let mut over = Vec::new();
    let mut compare = |measure, of: Option<&Lag>, value: Option<f64>, limit: manifest::Limit| {
        if let (Some(value), Some(limit)) = (value, limit.get())
            && value > limit
        {
            let of = of.map(|lag| format!("{} {:?}", lag.of, lag.name));
            over.push(Signal { measure, of, value: Some(value), limit, problem: None });
        }
    };
    for lag in look.lags.iter().flatten().filter(|lag| !limits.ignore.contains(&lag.name)) {
        compare(Measure::LagBytes, Some(lag), lag.bytes, limits.lag_bytes);
        compare(Measure::LagSeconds, Some(lag), lag.seconds, limits.lag_seconds);
    }
    compare(Measure::LockWaiters, None, look.lock_waiters, limits.lock_waiters);
    compare(Measure::ActiveSessions, None, look.active_sessions, limits.active_sessions);
    let rate = look.wal.and_then(|wal| memory.wal_rate(look.clock, wal));
    compare(Measure::WalBytesPerSecond, None, rate, limits.wal_bytes_per_second);
    compare(Measure::OldestTransactionSeconds, None, look.oldest_transaction, limits.oldest_transaction_seconds);
    let checkpoints = look.checkpoints.map(|count| memory.checkpoints(look.clock, count));
    compare(Measure::CheckpointsPerMinute, None, checkpoints, limits.checkpoints_per_minute);
    over
}

/// Says of a query's answer whether it is over the limit. What is no number is: nobody knows that all is well.
fn judge_query(throttle: &manifest::Throttle, answer: Result<Answer, String>) -> Option<Signal> {
    let (value, problem) = match answer {
        Ok(Answer::Number(number)) if number <= throttle.limit => return None,
        Ok(Answer::Number(number)) => (Some(number), None),
        Ok(Answer::Truth(_)) => (None, Some("it answers with true or false, not with a number".to_owned())),
        Err(problem) => (None, Some(problem)),
    };
    Some(Signal { measure: Measure::Query, of: Some(throttle.name.clone()), value, limit: throttle.limit, problem })
}

/// The limits of one manifest, and what was seen before.
#[derive(Debug)]
pub(super) struct Throttle {
    limits: Limits,
    queries: Vec<manifest::Throttle>,
    signals: String,
    memory: Memory,
    /// What the user was told that this role can't see.
    told: BTreeSet<&'static str>,
    note: Option<String>,
}

impl Throttle {
    pub(super) fn new(rollout: &manifest::Rollout, ground: &Ground) -> Self {
        Self {
            limits: rollout.limits.clone(),
            queries: rollout.throttles.clone(),
            signals: ground.statements.signals.clone(),
            memory: Memory::default(),
            told: BTreeSet::new(),
            note: None,
        }
    }

    /// Returns the signals that are over their limits now.
    ///
    /// # Errors
    /// If the connection is gone; [`crate::error::Kind::Refused`] if this server can't answer what the limits ask for.
    pub(super) async fn look(&mut self, db: &mut Db) -> Result<Vec<Signal>> {
        let limits = &self.limits;
        let wanted = [
            limits.lag_bytes.get().or(limits.lag_seconds.get()),
            limits.wal_bytes_per_second.get(),
            limits.lock_waiters.get(),
            limits.active_sessions.get(),
            limits.oldest_transaction_seconds.get(),
            limits.checkpoints_per_minute.get(),
        ]
        .map(|limit| limit.is_some());
        let mut over = Vec::new();
        if wanted.contains(&true) {
            let look: Look = db.row(&self.signals, &wanted.map(Param::Bool)).await.map_err(|failure| {
                if is_lost(&failure) {
                    return failure.into();
                }
                Error::refused("the server's signals can't be read")
                    .with_source(failure)
                    .with_hint("turn off what this server doesn't know, under [rollout.limits]: lag_bytes = false, and so on")
            })?;
            self.remember_hidden(&look);
            over = judge(&self.limits, &look, &mut self.memory);
        }
        for query in &self.queries {
            over.extend(judge_query(query, ask(db, &query.sql).await?));
        }
        Ok(over)
    }

    /// Returns what the user should know since the last look, once.
    pub(super) fn note(&mut self) -> Option<String> {
        self.note.take()
    }

    fn remember_hidden(&mut self, look: &Look) {
        let hides = |lag: &Lag| lag.hidden && !self.limits.ignore.contains(&lag.name);
        let lags = look.lags.iter().flatten().any(hides).then_some("how far standbys are behind");
        let sessions = (look.hidden_sessions > 0).then_some("what the sessions of other roles do");
        let new: Vec<_> = [lags, sessions].into_iter().flatten().filter(|what| self.told.insert(what)).collect();
        if !new.is_empty() {
            self.note = Some(format!(
                "the connected role may not see {}: that doesn't hold the rollout. GRANT pg_monitor to it, or turn the limits off",
                new.join(" and ")
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Limit;

    fn lag(of: &str, name: &str, bytes: f64, seconds: Option<f64>) -> Lag {
        Lag { of: of.to_owned(), name: name.to_owned(), hidden: false, bytes: Some(bytes), seconds }
    }

    fn texts(over: &[Signal]) -> Vec<String> {
        over.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_signal_over_its_limit_is_named_with_value_and_limit() {
        let at = Limit::At;
        let limits = Limits {
            active_sessions: at(40.0),
            wal_bytes_per_second: at(1_048_576.0),
            oldest_transaction_seconds: at(300.0),
            checkpoints_per_minute: at(1.0),
            ..Limits::default()
        };
        let at_their_limits = Look {
            clock: 1_000.0,
            wal: Some(0.0),
            lags: Some(vec![lag("standby", "east", 268_435_456.0, Some(10.0)), lag("slot", "cdc", 0.0, None)]),
            lock_waiters: Some(5.0),
            active_sessions: Some(40.0),
            oldest_transaction: Some(300.0),
            checkpoints: Some(7.0),
            hidden_sessions: 0,
        };
        let mut memory = Memory::default();
        assert_eq!(judge(&limits, &at_their_limits, &mut memory), []);
        let over = Look {
            clock: 1_002.0,
            wal: Some(2.5 * 1_048_576.0 * 100.0),
            lags: Some(vec![lag("standby", "east", 314_572_800.0, Some(10.04)), lag("slot", "cdc", 1e12, None)]),
            lock_waiters: Some(6.0),
            active_sessions: Some(41.0),
            oldest_transaction: Some(300.5),
            checkpoints: Some(9.0),
            hidden_sessions: 3,
        };
        let expected = [
            "replication lag of standby \"east\": 300 MB, limit 256 MB",
            "replication lag of standby \"east\": 10 s, limit 10 s",
            "replication lag of slot \"cdc\": 931 GB, limit 256 MB",
            "sessions waiting for a lock: 6, limit 5",
            "active sessions: 41, limit 40",
            "WAL written: 125 MB/s, limit 1024 kB/s",
            "oldest transaction: 300.5 s, limit 300 s",
            "checkpoints requested within a minute: 2, limit 1",
        ];
        let found = judge(&limits, &over, &mut memory);
        assert_eq!(texts(&found), expected);
        let stored = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Signal>>(&stored).unwrap(), found);

        let off = Limits { lag_bytes: Limit::Off, lag_seconds: Limit::Off, lock_waiters: Limit::Off, ..Limits::default() };
        assert_eq!(judge(&off, &over, &mut Memory::default()), []);
        let ignoring = Limits { ignore: vec!["east".to_owned(), "cdc".to_owned()], ..Limits::default() };
        assert_eq!(texts(&judge(&ignoring, &over, &mut Memory::default())), ["sessions waiting for a lock: 6, limit 5"]);
    }

    #[test]
    fn a_rate_of_wal_is_the_difference_of_two_looks_by_the_servers_clock() {
        let mut memory = Memory::default();
        assert_eq!(memory.wal_rate(10.0, 1_000.0), None, "one look is no rate");
        assert_eq!(memory.wal_rate(10.1, 900_000.0), None, "too soon after it");
        assert_eq!(memory.wal_rate(12.0, 3_000.0), Some(1_000.0));
        assert_eq!(memory.wal_rate(12.2, 9_000.0), Some(1_000.0), "too soon for another");
        assert_eq!(memory.wal_rate(13.0, 3_000.0), Some(0.0));
        assert_eq!(memory.wal_rate(5.0, 4_000.0), None, "the clock was set back");
        assert_eq!(memory.wal_rate(6.0, 5_000.0), Some(1_000.0));
    }

    #[test]
    fn checkpoints_are_counted_within_the_last_minute() {
        let mut memory = Memory::default();
        assert_eq!(number(memory.checkpoints(100.0, 7.0)), "0");
        assert_eq!(number(memory.checkpoints(130.0, 8.0)), "1");
        assert_eq!(number(memory.checkpoints(159.0, 9.0)), "2");
        assert_eq!(number(memory.checkpoints(161.0, 9.0)), "1", "the first has left the window");
        assert_eq!(number(memory.checkpoints(162.0, 0.0)), "0", "the statistics were reset");
        assert_eq!(number(memory.checkpoints(163.0, 1.0)), "1");
    }

    #[test]
    fn a_query_that_does_not_answer_with_a_number_is_over_its_limit() {
        let query = manifest::Throttle { name: "job queue".to_owned(), sql: String::new(), limit: 1_000.0 };
        assert_eq!(judge_query(&query, Ok(Answer::Number(1_000.0))), None);
        for (answer, text) in [
            (Ok(Answer::Number(1_200.0)), "\"job queue\": 1200, limit 1000"),
            (Ok(Answer::Number(f64::NAN)), "\"job queue\": NaN, limit 1000"),
            (Ok(Answer::Truth(false)), "\"job queue\": it answers with true or false, not with a number"),
            (Err("it fails (SQLSTATE 22012)".to_owned()), "\"job queue\": it fails (SQLSTATE 22012)"),
        ] {
            assert_eq!(judge_query(&query, answer).unwrap().to_string(), text);
        }
    }

    #[test]
    fn sizes_read_as_the_server_writes_them() {
        for (bytes, text) in [
            (0.0, "0 bytes"),
            (10_239.0, "10239 bytes"),
            (10_240.0, "10 kB"),
            (268_435_456.0, "256 MB"),
            (10_737_418_240.0, "10 GB"),
            (2e16, "18190 TB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!((number(3.0), number(3.25), number(0.04)), ("3".to_owned(), "3.2".to_owned(), "0".to_owned()));
    }
}
