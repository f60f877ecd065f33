//! A token bucket, as a value.

use std::time::Duration;

use crate::Timestamp;

/// At most `rate` permits a second, with a burst of one second. Starts empty, so that a restart grants nothing extra.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    level: f64,
    at: Timestamp,
}

impl TokenBucket {
    /// An empty bucket that fills with `rate` permits a second from `now` on. `rate` is at least one a minute.
    #[must_use]
    pub fn new(rate: f64, now: Timestamp) -> Self {
        let rate = rate.max(1.0 / 60.0);
        Self { rate, burst: rate.max(1.0), level: 0.0, at: now }
    }

    /// Permits a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Changes the rate; what has gathered so far stays, up to the new burst.
    pub fn set_rate(&mut self, rate: f64, now: Timestamp) {
        self.fill(now);
        self.rate = rate.max(1.0 / 60.0);
        self.burst = self.rate.max(1.0);
        self.level = self.level.min(self.burst);
    }

    /// When a permit is there: `now`, or the moment to ask again.
    pub fn ready_at(&mut self, now: Timestamp) -> Timestamp {
        self.ready_for(1, now)
    }

    /// When so many permits are there: `now`, or the moment to ask again. There are never more than a second's worth.
    pub fn ready_for(&mut self, permits: usize, now: Timestamp) -> Timestamp {
        self.fill(now);
        let missing = permits as f64 - self.level;
        // Microseconds are counted whole, so a level this close is enough.
        if missing <= 1e-6 {
            return now;
        }
        now + Duration::from_micros((missing / self.rate * 1e6).ceil() as u64)
    }

    /// Takes one permit; call it only when [`TokenBucket::ready_at`] said `now`.
    pub fn take(&mut self) {
        self.level -= 1.0;
    }

    fn fill(&mut self, now: Timestamp) {
        self.level = (self.level + now.since(self.at).as_secs_f64() * self.rate).min(self.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_rate_and_burst_in_any_span(rate in 1u16..500, gaps in proptest::collection::vec(0u64..200_000, 1..400)) {
            let mut now = Timestamp::from_seconds(1_000);
            let mut bucket = TokenBucket::new(f64::from(rate), now);
            let mut taken: Vec<Timestamp> = Vec::new();
            for gap in gaps {
                now = now + Duration::from_micros(gap);
                while bucket.ready_at(now) == now {
                    bucket.take();
                    taken.push(now);
                }
            }
            for (i, from) in taken.iter().enumerate() {
                let span = now.since(*from).as_secs_f64();
                prop_assert!((taken.len() - i) as f64 <= f64::from(rate) * (span + 1.0) + 1.0);
            }
        }

        #[test]
        fn the_moment_it_names_is_the_moment_it_grants(rate in 1u16..500, start in 0i64..1_000_000) {
            let now = Timestamp::from_micros(start);
            let mut bucket = TokenBucket::new(f64::from(rate), now);
            let at = bucket.ready_at(now);
            prop_assert!(at > now);
            prop_assert_eq!(bucket.ready_at(at), at);
        }
    }
}
