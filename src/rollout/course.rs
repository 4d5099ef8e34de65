//! What the workers of one wave have in common: which accounts it goes through, and what it does with them.

use super::Options;
use super::ground::Ground;
use crate::db::Param;

/// Which accounts a wave goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// All, of which a share are members.
    Accounts,
    /// Those of its list.
    List,
    /// Those whose setting the waves made that it undoes.
    Settings,
}

impl Of {
    /// What the templates call it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::List => "list",
            Self::Settings => "settings",
        }
    }
}

/// One wave, as its workers see it.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) ground: &'a Ground,
    pub(super) options: &'a Options,
    /// The wave's number.
    pub(super) wave: i64,
    /// Which accounts it goes through.
    pub(super) of: Of,
    /// The share of them, in hundredths of a percent.
    pub(super) points: u16,
    /// The waves that it undoes; none if it enables.
    pub(super) undone: Vec<i64>,
    /// Accounts were parked when it began: one that is enabled now is parked no more.
    pub(super) had_parked: bool,
}

impl Course<'_> {
    /// Returns the waves to undo as a parameter of the statements.
    pub(super) fn undone(&self) -> Param {
        Param::Texts(self.undone.iter().map(ToString::to_string).collect())
    }

    /// Returns how long a lease lasts, in milliseconds.
    pub(super) fn lease_millis(&self) -> i64 {
        i64::try_from(self.options.lease.as_millis()).unwrap_or(i64::MAX)
    }
}
