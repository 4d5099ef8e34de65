//! `[rollout]`: limits, throttle queries and gates.

use toml::Spanned;
use toml::de::DeValue;

use super::{Faults, FromToml, List, Part, Shape, Spot, from_string, from_words, items, plain, repetitions};
use crate::manifest::{Condition, Gate, Limit, Limits, OnFail, Rollout, Throttle};
use crate::parse;

const ROLLOUT: Shape = Shape {
    title: "[rollout]",
    keys: &[
        ("limits", "[rollout.limits], and below it: lag_seconds = 10"),
        ("throttle", "[[rollout.throttle]], and below it: name, sql and limit"),
        ("gate", "[[rollout.gate]], and below it: name, sql and ok_when"),
    ],
};
const LIMITS: Shape = Shape {
    title: "[rollout.limits]",
    keys: &[
        ("lag_bytes", "lag_bytes = 268435456, or lag_bytes = false"),
        ("lag_seconds", "lag_seconds = 10, or lag_seconds = false"),
        ("lock_waiters", "lock_waiters = 5, or lock_waiters = false"),
        ("active_sessions", "active_sessions = 40"),
        ("wal_bytes_per_second", "wal_bytes_per_second = 50000000"),
        ("oldest_transaction_seconds", "oldest_transaction_seconds = 300"),
        ("checkpoints_per_minute", "checkpoints_per_minute = 1"),
        ("ignore", "ignore = [\"delayed_standby\"]"),
    ],
};
const THROTTLE: Shape = Shape {
    title: "[[rollout.throttle]]",
    keys: &[
        ("name", "name = \"job queue\""),
        ("sql", "sql = \"SELECT count(*) FROM app.jobs WHERE done_at IS NULL\""),
        ("limit", "limit = 1000"),
    ],
};
const GATE: Shape = Shape {
    title: "[[rollout.gate]]",
    keys: &[
        ("name", "name = \"no failed logins\""),
        ("sql", "sql = \"SELECT count(*) FROM app.login_failures WHERE at > now() - interval '5 minutes'\""),
        ("ok_when", "ok_when = \"< 10\""),
        ("on_fail", "on_fail = \"pause\""),
    ],
};

/// A `[rollout]` whose parts may be missing because they were wrong, and know their places.
pub(super) struct RolloutDraft {
    limits: Option<Limits>,
    throttles: Vec<ThrottleDraft>,
    gates: Vec<GateDraft>,
}

struct ThrottleDraft {
    name: Option<Spanned<Title>>,
    sql: Option<Spanned<Query>>,
    limit: Option<Spanned<f64>>,
}

struct GateDraft {
    name: Option<Spanned<Title>>,
    sql: Option<Spanned<Query>>,
    ok_when: Option<Spanned<Condition>>,
    on_fail: Option<Spanned<OnFail>>,
}

/// What people call a query.
#[derive(PartialEq, Eq, Hash)]
struct Title(String);

/// A query that has been parsed.
struct Query(String);

impl RolloutDraft {
    pub(super) fn read(root: &Part<'_>, faults: &mut Faults<'_>) -> Self {
        let left_out = || Self { limits: Some(Limits::default()), throttles: Vec::new(), gates: Vec::new() };
        if root.get("rollout").is_none() {
            return left_out();
        }
        let Some(part) = root.table("rollout", &ROLLOUT, faults) else { return left_out() };
        let limits = match part.get("limits") {
            Some(_) => part.table("limits", &LIMITS, faults).and_then(|part| limits(&part, faults)),
            None => Some(Limits::default()),
        };
        let throttles = part.tables("throttle", &THROTTLE, faults);
        let throttles = throttles.iter().map(|part| ThrottleDraft {
            name: part.required("name", faults),
            sql: part.required("sql", faults),
            limit: part.required("limit", faults),
        });
        let throttles = throttles.collect();
        let gates = part.tables("gate", &GATE, faults);
        let gates = gates.iter().map(|part| GateDraft {
            name: part.required("name", faults),
            sql: part.required("sql", faults),
            ok_when: part.required("ok_when", faults),
            on_fail: part.optional("on_fail", OnFail::default(), faults),
        });
        Self { limits, throttles, gates: gates.collect() }
    }

    /// Reports names that are used twice.
    pub(super) fn check(&self, faults: &mut Faults<'_>) {
        let throttles: Vec<_> = self.throttles.iter().filter_map(|throttle| throttle.name.as_ref()).collect();
        let gates: Vec<_> = self.gates.iter().filter_map(|gate| gate.name.as_ref()).collect();
        for (title, names) in [(THROTTLE.title, throttles), (GATE.title, gates)] {
            repetitions(names.into_iter(), |name, first| {
                let message =
                    format!("the name {:?} is used twice in {title}, first in line {}", name.get_ref().0, faults.line(first));
                faults.add(name.span().start, message, "give each a name of its own: it says what holds the rollout");
            });
        }
    }

    pub(super) fn finish(self) -> Option<Rollout> {
        let throttles = self
            .throttles
            .into_iter()
            .map(|draft| Some(Throttle { name: plain(draft.name)?.0, sql: plain(draft.sql)?.0, limit: plain(draft.limit)? }));
        let gates = self.gates.into_iter().map(|draft| {
            Some(Gate {
                name: plain(draft.name)?.0,
                sql: plain(draft.sql)?.0,
                ok_when: plain(draft.ok_when)?,
                on_fail: plain(draft.on_fail)?,
            })
        });
        Some(Rollout { limits: self.limits?, throttles: throttles.collect::<Option<_>>()?, gates: gates.collect::<Option<_>>()? })
    }
}

fn limits(part: &Part<'_>, faults: &mut Faults<'_>) -> Option<Limits> {
    let default = Limits::default();
    // All are read before the first that is wrong ends it.
    let mut limit = |key: &'static str, default: Limit| part.optional(key, default, faults);
    let lag_bytes = limit("lag_bytes", default.lag_bytes);
    let lag_seconds = limit("lag_seconds", default.lag_seconds);
    let lock_waiters = limit("lock_waiters", default.lock_waiters);
    let active_sessions = limit("active_sessions", default.active_sessions);
    let wal_bytes_per_second = limit("wal_bytes_per_second", default.wal_bytes_per_second);
    let oldest_transaction_seconds = limit("oldest_transaction_seconds", default.oldest_transaction_seconds);
    let checkpoints_per_minute = limit("checkpoints_per_minute", default.checkpoints_per_minute);
    let ignore = part.optional::<List<Title>>("ignore", List::none(), faults);
    Some(Limits {
        lag_bytes: plain(lag_bytes)?,
        lag_seconds: plain(lag_seconds)?,
        lock_waiters: plain(lock_waiters)?,
        active_sessions: plain(active_sessions)?,
        wal_bytes_per_second: plain(wal_bytes_per_second)?,
        oldest_transaction_seconds: plain(oldest_transaction_seconds)?,
        checkpoints_per_minute: plain(checkpoints_per_minute)?,
        ignore: items(ignore)?.into_iter().map(|title| title.0).collect(),
    })
}

impl FromToml for Limit {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(false) => Some(Self::Off),
            DeValue::Integer(_) | DeValue::Float(_) => {
                let number = f64::from_toml(value, spot, faults)?;
                Self::new(number).map_err(|why| spot.refuses(value.span().start, &why, faults)).ok()
            }
            _ => {
                spot.expects(Self::EXPECTED, value, faults);
                None
            }
        }
    }
}

impl FromToml for Title {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, |text| {
            if text.trim().is_empty() || text.contains(char::is_control) {
                return Err(crate::error::Error::usage("a name can't be blank or have control characters"));
            }
            Ok(Self(text))
        })
    }
}

impl FromToml for Query {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, |text| parse::one_query(&text).map(Self))
    }
}

impl FromToml for Condition {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_string(value, spot, faults, |text| text.parse())
    }
}

impl FromToml for OnFail {
    fn from_toml(value: &Spanned<DeValue<'_>>, spot: Spot, faults: &mut Faults<'_>) -> Option<Self> {
        from_words(value, spot, faults, Self::ALL)
    }
}
