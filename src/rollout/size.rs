//! How much a batch takes on: grows while batches are quick, shrinks when one was slow (additive increase, multiplicative decrease).

use std::time::Duration;

/// How many accounts the first batch takes: who knows how many keys they have.
const FIRST: usize = 16;

/// How many keys a batch moves at most before it is known how long one takes.
const FIRST_KEYS: f64 = 250.0;

/// The size of a worker's batches.
#[derive(Debug, Clone)]
pub(super) struct Size {
    accounts: usize,
    most: usize,
    target: Duration,
    /// Doubles until the first batch that was too slow.
    doubling: bool,
    /// The time that one key took of late, in seconds.
    per_key: Option<f64>,
    /// While the account that made a batch fail is looked for.
    search: Option<Search>,
}

/// The search for the account that made a batch fail.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// What to go back to afterwards.
    before: usize,
    /// How many accounts of the batch that failed are still to be tried.
    left: usize,
}

impl Size {
    /// Makes the size of the first batch.
    pub(super) fn new(target: Duration, most: usize) -> Self {
        let most = most.max(1);
        Self { accounts: FIRST.min(most), most, target, doubling: true, per_key: None, search: None }
    }

    /// Returns how many accounts the next batch takes.
    pub(super) fn accounts(&self) -> usize {
        self.accounts
    }

    /// Returns how many keys the next batch may move; an account is never split, so a single one may have more.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size between 1 and a million")]
    pub(super) fn keys(&self) -> u64 {
        let keys = self.per_key.map_or(FIRST_KEYS, |seconds| self.target.as_secs_f64() / seconds);
        keys.clamp(1.0, 1e6) as u64
    }

    /// Learns from a batch that was committed: how long it took, how long it would have taken with nothing in it, how many keys it moved, and
    /// whether it took as many accounts as it might.
    ///
    /// Where the way to the server and back takes most of the target by itself, smaller batches would be no shorter, only more: that time is left out.
    #[expect(clippy::cast_precision_loss, reason = "numbers of keys of one batch")]
    pub(super) fn took(&mut self, took: Duration, empty: Duration, keys: u64, full: bool) {
        let took = took.saturating_sub(empty.saturating_sub(self.target / 2)).max(took / 8);
        if keys > 0 {
            let now = took.as_secs_f64() / keys as f64;
            // A slow batch counts sooner than a quick one.
            self.per_key = Some(self.per_key.map_or(now, |former| {
                let weight = if now > former { 0.5 } else { 0.3 };
                former.mul_add(1.0 - weight, now * weight)
            }));
        }
        if took > self.target {
            self.doubling = false;
            let share = (self.target.as_secs_f64() / took.as_secs_f64()).clamp(0.1, 0.8);
            self.scale(share);
        } else if full && self.search.is_none() {
            if self.doubling && took < self.target / 2 {
                self.accounts *= 2;
            } else if took < self.target.mul_f64(0.8) {
                self.accounts += (self.accounts / 10).max(1);
            }
            self.accounts = self.accounts.min(self.most);
        }
    }

    /// Learns that so many accounts had as many keys as a batch should move: more need not be claimed.
    pub(super) fn cut(&mut self, accounts: usize) {
        if self.search.is_none() {
            self.doubling = false;
            self.accounts = self.accounts.min(accounts.saturating_mul(2)).max(1);
        }
    }

    /// Learns that a batch of so many accounts failed: the next takes half of them, and so on, down to the account that it is about.
    pub(super) fn failed(&mut self, accounts: usize) {
        match &mut self.search {
            Some(search) => search.left = accounts,
            None => self.search = Some(Search { before: self.accounts, left: accounts }),
        }
        self.accounts = (accounts / 2).max(1);
    }

    /// Learns that the account has been found.
    pub(super) fn found(&mut self) {
        if let Some(search) = self.search.take() {
            self.accounts = search.before;
        }
    }

    /// Learns that so many accounts went well: once all of the batch that failed have, the failure was a passing one.
    pub(super) fn passed(&mut self, accounts: usize) {
        if let Some(search) = &mut self.search {
            search.left = search.left.saturating_sub(accounts);
            if search.left == 0 {
                self.found();
            }
        }
    }

    /// Tells whether a failure is being tracked down.
    pub(super) fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Confines it to so many accounts and keys.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a million")]
    pub(super) fn at_most(&mut self, rows: f64) {
        let rows = rows.clamp(1.0, 1e6);
        self.accounts = self.accounts.min(rows as usize);
        let per_key = self.target.as_secs_f64() / rows;
        self.per_key = Some(self.per_key.map_or(per_key, |known| known.max(per_key)));
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "at most a few thousand"
    )]
    fn scale(&mut self, share: f64) {
        self.accounts = ((self.accounts as f64 * share) as usize).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(50);

    #[test]
    fn it_doubles_while_batches_are_quick_and_never_exceeds_the_most() {
        let mut size = Size::new(TARGET, 1_000);
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.push(size.accounts());
            size.took(TARGET / 5, Duration::ZERO, 0, true);
        }
        assert_eq!(seen, [16, 32, 64, 128, 256, 512, 1_000, 1_000]);
    }

    #[test]
    fn a_slow_batch_shrinks_it_and_from_then_on_it_grows_by_a_tenth() {
        let mut size = Size::new(TARGET, 1_000);
        size.accounts = 200;
        size.took(TARGET * 2, Duration::ZERO, 0, true);
        assert_eq!(size.accounts(), 100);
        size.took(TARGET / 5, Duration::ZERO, 0, true);
        assert_eq!(size.accounts(), 110);
        size.took(TARGET / 5, Duration::ZERO, 0, false);
        assert_eq!(size.accounts(), 110, "a batch that found fewer accounts teaches nothing");
        for _ in 0..20 {
            size.took(TARGET * 100, Duration::ZERO, 0, true);
        }
        assert_eq!(size.accounts(), 1);
    }

    #[test]
    fn a_long_way_to_the_server_does_not_make_batches_small() {
        let mut size = Size::new(TARGET, 1_000);
        // a way that takes four times the target, and half a millisecond for each key
        let batch = |keys: u64| TARGET * 4 + Duration::from_micros(500) * u32::try_from(keys).unwrap();
        for _ in 0..50 {
            let keys = size.keys();
            size.took(batch(keys), TARGET * 4, keys, true);
        }
        assert!((40..=60).contains(&size.keys()), "{}: half the target's worth", size.keys());
        let mut blind = Size::new(TARGET, 1_000);
        for _ in 0..50 {
            let keys = blind.keys();
            blind.took(batch(keys), Duration::ZERO, keys, true);
        }
        assert_eq!(blind.keys(), 1, "control");
    }

    #[test]
    fn keys_are_limited_by_what_one_took_of_late() {
        let mut size = Size::new(TARGET, 1_000);
        assert_eq!(size.keys(), 250);
        size.took(TARGET, Duration::ZERO, 1_000, true);
        assert_eq!(size.keys(), 1_000);
        size.took(TARGET, Duration::ZERO, 100, true);
        assert_eq!(size.keys(), 181, "a slow batch counts for half");
        size.took(TARGET, Duration::ZERO, 1_000, true);
        assert!((200..300).contains(&size.keys()), "a quick one for less: {}", size.keys());
    }

    #[test]
    fn a_failure_is_halved_down_to_one_account_and_then_it_is_as_before() {
        let mut size = Size::new(TARGET, 1_000);
        size.accounts = 100;
        let mut seen = Vec::new();
        while size.accounts() > 1 {
            size.failed(size.accounts());
            seen.push(size.accounts());
            size.took(TARGET / 10, Duration::ZERO, 0, true);
        }
        assert_eq!(seen, [50, 25, 12, 6, 3, 1]);
        assert!(size.is_searching());
        size.found();
        assert_eq!((size.accounts(), size.is_searching()), (100, false));
    }
}
