//! How long a contestant took in each round.

use std::time::Duration;

use crate::table::median;

/// Seconds, a value a round.
#[derive(Debug, Default)]
pub(crate) struct Took(Vec<f64>);

impl Took {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64());
    }

    pub(crate) fn median(&self) -> f64 {
        median(&self.0)
    }

    /// Returns how many times as quick as another contestant it was, in the median of the rounds.
    pub(crate) fn against(&self, base: &Self) -> f64 {
        median(&base.0.iter().zip(&self.0).map(|(base, own)| base / own).collect::<Vec<_>>())
    }

    /// Returns the last round, for people.
    pub(crate) fn last(&self) -> String {
        format!("{:.1} s", self.0.last().copied().unwrap_or_default())
    }
}
