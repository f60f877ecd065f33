//! The one source of chance of a run: the same seed plans the same kills, payloads and moods of receivers.

use std::time::Duration;

/// A splitmix64 generator. Not for secrets; made to be replayed.
#[derive(Debug, Clone)]
pub(super) struct Seed(u64);

impl Seed {
    /// A generator that always gives the same numbers for the same `seed`.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent generator for a part of the run, so that parts do not depend on each other's timing.
    #[must_use]
    pub(super) fn part(&self, number: u64) -> Self {
        Self(mix(self.0 ^ mix(number.wrapping_add(1))))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number below `end`; 0 if `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// True in `percent` of all cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A duration from `low` to `high`, by the microsecond.
    pub(super) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low).as_micros();
        low + Duration::from_micros(self.below(u64::try_from(span).unwrap_or(u64::MAX).saturating_add(1)))
    }
}

/// The finalizer of splitmix64: a hash of one number.
#[must_use]
pub(super) fn mix(number: u64) -> u64 {
    let z = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_replays_and_parts_differ() {
        let take = |mut seed: Seed| -> Vec<u64> { (0..8).map(|_| seed.next()).collect() };
        assert_eq!(take(Seed::new(7)), take(Seed::new(7)));
        assert_ne!(take(Seed::new(7)), take(Seed::new(8)));
        assert_ne!(take(Seed::new(7).part(0)), take(Seed::new(7).part(1)));
    }

    #[test]
    fn durations_stay_between_their_bounds() {
        let (low, high) = (Duration::from_millis(200), Duration::from_secs(4));
        let mut seed = Seed::new(1);
        assert!((0..1000).map(|_| seed.between(low, high)).all(|d| (low..=high).contains(&d)));
        assert_eq!(seed.between(high, low), high);
        assert_eq!(seed.below(0), 0);
    }
}
