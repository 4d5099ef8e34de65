//! How long a contestant took in each round.

use std::time::Duration;

use crate::note;
use crate::table::{Goal, Table, median, ms};

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

/// Says how long the contestants of a round took, those of a kind side by side.
pub(crate) fn tell(round: usize, kinds: &[&[Took]]) {
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.iter().map(Took::last).collect::<Vec<_>>().join(", ")).collect();
    note(&format!("round {round}: {}", kinds.join("; ")));
}

/// Ends a table: keyward with 1, 2 and 4 workers against loops with 1 and 4, and its longest batch.
pub(crate) fn conclude(table: &mut Table, keyward: &[Took; 3], loops: &[Took; 2], longest: Duration) {
    for (own, other, workers) in [(0, 0, "1 worker each"), (2, 1, "4 workers each")] {
        let ratio = format!("{:.2}", keyward[own].against(&loops[other]));
        table.row(&format!("keyward against the loop, {workers}"), "", &ratio, None);
    }
    table.limit("keyward's longest batch", &ms(longest), longest.as_secs_f64() * 1e3, Goal::Below(100.0));
}
