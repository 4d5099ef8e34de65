//! The manifest's `[rollout]`: what holds the batch job, and what it must prove at its end.
//!
//! It says how to work, not what to enforce. So it is no part of the stored copy and of the fingerprint, and a changed limit needs no apply.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{schema, spelled};
use crate::error::{Error, Result};

/// How `keyward rollout` behaves on a busy server, and what it asks at the end of a wave.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    /// The server's own signals and their limits. While one is over its limit, no batch begins.
    pub limits: Limits,
    /// Queries of the DBA's own, with a limit each.
    #[serde(rename = "throttle")]
    pub throttles: Vec<Throttle>,
    /// Queries that are asked at the end of each wave.
    #[serde(rename = "gate")]
    pub gates: Vec<Gate>,
}

/// The limits of what the server says of itself. Each is a positive number, or `false` for no limit.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of WAL that a standby has not replayed, or that a replication slot holds back. 268435456 (256 MiB) unless told.
    #[schemars(schema_with = "schema::limit")]
    pub lag_bytes: Limit,
    /// Seconds that a standby's replay lags behind. 10 unless told.
    #[schemars(schema_with = "schema::limit")]
    pub lag_seconds: Limit,
    /// Sessions of this database that wait for a heavyweight lock. 5 unless told.
    #[schemars(schema_with = "schema::limit")]
    pub lock_waiters: Limit,
    /// Sessions of the whole server that run a statement, keyward's own not counted. No limit unless told.
    #[schemars(schema_with = "schema::limit")]
    pub active_sessions: Limit,
    /// Bytes of WAL a second that the whole server writes, keyward's own among them. No limit unless told.
    #[schemars(schema_with = "schema::limit")]
    pub wal_bytes_per_second: Limit,
    /// The age in seconds of the oldest transaction in this database, keyward's own not counted. No limit unless told.
    #[schemars(schema_with = "schema::limit")]
    pub oldest_transaction_seconds: Limit,
    /// Checkpoints within the last minute that the volume of WAL (or a CHECKPOINT) asked for. No limit unless told.
    #[schemars(schema_with = "schema::limit")]
    pub checkpoints_per_minute: Limit,
    /// Standbys (by their `application_name`) and replication slots whose lag doesn't count.
    #[schemars(schema_with = "schema::ignored")]
    pub ignore: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lag_bytes: Limit::At(268_435_456.0),
            lag_seconds: Limit::At(10.0),
            lock_waiters: Limit::At(5.0),
            active_sessions: Limit::Off,
            wal_bytes_per_second: Limit::Off,
            oldest_transaction_seconds: Limit::Off,
            checkpoints_per_minute: Limit::Off,
            ignore: Vec::new(),
        }
    }
}

/// A limit: a positive number, or none. Written as a number, or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub enum Limit {
    /// No limit.
    Off,
    /// Over this number is too much.
    At(f64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Flag(bool),
    Number(f64),
}

impl TryFrom<Written> for Limit {
    type Error = Error;
    fn try_from(written: Written) -> Result<Self> {
        match written {
            Written::Flag(false) => Ok(Self::Off),
            Written::Number(number) => Self::new(number),
            Written::Flag(true) => Err(Error::usage(format!("found true; expected {}", Self::EXPECTED))),
        }
    }
}

impl Limit {
    /// What a limit may be, for messages.
    pub(super) const EXPECTED: &str = "a positive number, or false for no limit";

    /// Makes a limit.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if the number isn't positive and finite.
    pub fn new(limit: f64) -> Result<Self> {
        if limit.is_finite() && limit > 0.0 {
            return Ok(Self::At(limit));
        }
        Err(Error::usage(format!("found {limit}; expected {}", Self::EXPECTED)))
    }

    /// Returns the limit, if there is one.
    #[must_use]
    pub fn get(self) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::At(limit) => Some(limit),
        }
    }
}

/// A query of the DBA's own: while its answer is over the limit, no batch begins.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// What people call it; no other `[[rollout.throttle]]` has the name.
    #[schemars(schema_with = "schema::title")]
    pub name: String,
    /// One SELECT, VALUES or TABLE that answers with one number. It runs about once a second as the role that connects, reads only, and has five
    /// seconds; names carry their schema. A query that fails, or answers with something else, counts as over its limit.
    #[schemars(schema_with = "schema::query")]
    pub sql: String,
    /// Over this number is too much.
    pub limit: f64,
}

/// A query that is asked at the end of each wave.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// What people call it; no other `[[rollout.gate]]` has the name.
    #[schemars(schema_with = "schema::title")]
    pub name: String,
    /// One SELECT, VALUES or TABLE that answers with one number, or with true or false. It runs as the role that connects, reads only, and has
    /// five seconds; names carry their schema. A query that fails counts as a gate that fails.
    #[schemars(schema_with = "schema::query")]
    pub sql: String,
    /// Which answers are good: one of = <> < <= > >= and a number, such as `"< 10"`; or `"true"`.
    #[schemars(schema_with = "schema::ok_when")]
    pub ok_when: Condition,
    /// What follows if it fails: `pause` unless told.
    #[serde(default)]
    pub on_fail: OnFail,
}

/// What follows if a gate fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFail {
    /// The rollout is paused.
    #[default]
    Pause,
    /// The wave is reverted.
    Revert,
}

spelled!(OnFail: Pause = "pause", Revert = "revert");

/// Which answers of a gate are good: `< 10`, `true`.
///
/// ```
/// use keyward::manifest::Condition;
/// let few = "< 10".parse::<Condition>().unwrap();
/// assert!(few.holds(9.0) && !few.holds(10.0));
/// assert!("fewer than ten".parse::<Condition>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Condition {
    /// The answer is true.
    True,
    /// The answer compares so with this number.
    Compares(Comparison, f64),
}

/// How an answer compares with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// They are equal.
    Equal,
    /// They differ.
    NotEqual,
    /// It is less.
    Less,
    /// It is less, or equal.
    LessOrEqual,
    /// It is greater.
    Greater,
    /// It is greater, or equal.
    GreaterOrEqual,
}

spelled!(Comparison: LessOrEqual = "<=", GreaterOrEqual = ">=", NotEqual = "<>", Less = "<", Greater = ">", Equal = "=");

impl Condition {
    /// Tells whether a number is a good answer.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "= 0 means exactly that")]
    pub fn holds(self, answer: f64) -> bool {
        match self {
            Self::True => false,
            Self::Compares(comparison, number) => match comparison {
                Comparison::Equal => answer == number,
                Comparison::NotEqual => answer != number,
                Comparison::Less => answer < number,
                Comparison::LessOrEqual => answer <= number,
                Comparison::Greater => answer > number,
                Comparison::GreaterOrEqual => answer >= number,
            },
        }
    }
}

impl std::str::FromStr for Condition {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::usage(format!("{text:?} is no condition; expected one of = <> < <= > >= and a number, or \"true\""))
                .with_hint("write for example: ok_when = \"< 10\"")
        };
        let text = text.trim();
        if text == "true" {
            return Ok(Self::True);
        }
        // The longer operators come first in the list: `<= 1` doesn't begin with a `<` and go on with `= 1`.
        let found = Comparison::ALL.iter().find_map(|one| text.strip_prefix(one.as_str()).map(|rest| (*one, rest.trim())));
        let (comparison, number) = found.ok_or_else(bad)?;
        let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
        let plain = digits.split('.').count() <= 2 && digits.split('.').all(|part| !part.is_empty() && is_digits(part));
        let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(bad)?;
        Ok(Self::Compares(comparison, number))
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::True => f.write_str("true"),
            Self::Compares(comparison, number) => write!(f, "{comparison} {number}"),
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn a_condition_holds_for_the_numbers_that_it_says() {
        for (text, good, bad) in [
            ("= 0", vec![0.0], vec![0.5, -1.0]),
            ("<> 0", vec![1.0, -0.5], vec![0.0]),
            ("<10", vec![9.9], vec![10.0, 11.0]),
            (" <=  10 ", vec![10.0], vec![10.1]),
            ("> -2.5", vec![-2.4], vec![-2.5]),
            (">= +3", vec![3.0, 4.0], vec![2.0]),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert!(good.iter().all(|answer| condition.holds(*answer)), "{text}");
            assert!(bad.iter().chain([&f64::NAN]).all(|answer| !condition.holds(*answer) || text == "<> 0"), "{text}");
            assert_eq!(condition.to_string().parse::<Condition>().unwrap(), condition);
        }
        assert_eq!("true".parse::<Condition>().unwrap(), Condition::True);
        assert!(!Condition::True.holds(1.0), "a number is not true");
    }

    #[test]
    fn what_is_no_condition_is_refused_with_an_example() {
        for bad in ["", "10", "< ten", "< 1e3", "== 1", "=> 1", "<", "< 1 2", "false", "TRUE", "< .5", "< 1.", "< inf", "< 1.2.3"]
        {
            assert!(bad.parse::<Condition>().unwrap_err().hint().unwrap().contains("< 10"), "{bad}");
        }
    }

    #[test]
    fn what_holds_the_rollout_is_neither_stored_nor_part_of_the_fingerprint() {
        let text = include_str!("../../keyward.example.toml");
        let plain = Manifest::parse(text, "keyward.toml").unwrap();
        let more = "\n[[rollout.throttle]]\nname = \"q\"\nsql = \"SELECT 1\"\nlimit = 7\n";
        let held = Manifest::parse(&format!("{text}{more}"), "keyward.toml").unwrap();
        assert_ne!(held.rollout, plain.rollout, "control: the section was read");
        assert_eq!(held.sha256(), plain.sha256());
        let stored = serde_json::to_string(&held).unwrap();
        assert!(!stored.contains("rollout"), "{stored}");
        assert_eq!(stored, serde_json::to_string(&plain).unwrap());
        let read: Manifest = serde_json::from_str(&stored).unwrap();
        assert_eq!((read.sha256(), &read.rollout), (held.sha256(), &Rollout::default()));
    }

    #[test]
    fn the_json_form_is_as_strict_as_the_file() {
        let read = |json: &str| serde_json::from_str::<Rollout>(json);
        let good = read(
            r#"{"limits": {"lag_bytes": false, "lag_seconds": 0.5}, "gate": [{"name": "g", "sql": "SELECT 1", "ok_when": "= 1"}]}"#,
        );
        let good = good.unwrap();
        assert_eq!((good.limits.lag_bytes, good.limits.lag_seconds), (Limit::Off, Limit::At(0.5)));
        assert_eq!((good.limits.lock_waiters, good.gates[0].on_fail), (Limits::default().lock_waiters, OnFail::Pause));
        for bad in [
            r#"{"limits": {"lag_bytes": true}}"#,
            r#"{"limits": {"lag_bytes": 0}}"#,
            r#"{"limit": {}}"#,
            r#"{"gate": [{"name": "g"}]}"#,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
