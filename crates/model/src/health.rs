//! The health of an endpoint: when its failures began, and the breaker that keeps us from hammering it.

use std::time::Duration;

use crate::Timestamp;

/// Consecutive failures before the breaker may open.
const FAILURES_TO_OPEN: u32 = 10;
/// How long failures must have gone on before the breaker may open.
const SPAN_TO_OPEN: Duration = Duration::from_secs(30);
/// The wait before the first probe; it doubles up to [`PROBE_MAX`].
const PROBE_FIRST: Duration = Duration::from_secs(5);
const PROBE_MAX: Duration = Duration::from_secs(300);

/// An open breaker: nothing is sent but one probe at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// When the next probe may go.
    pub probe_at: Timestamp,
    /// The wait that ends then; the next one is twice as long.
    pub wait: Duration,
}

/// What is known of an endpoint's answers. The durable part changes rarely: when failures begin, when they end, and at
/// each step of the breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Failures since the last success. In memory only.
    pub failures: u32,
    /// The last attempt timed out: the endpoint holds one slot until it answers again. In memory only.
    pub timed_out: bool,
    /// When the present run of failures began. Durable.
    pub failing_since: Option<Timestamp>,
    /// The breaker, when open. Durable.
    pub breaker: Option<Breaker>,
}

impl Health {
    /// The health after an attempt that succeeded.
    #[must_use]
    pub fn after_success(self) -> Self {
        Self::default()
    }

    /// The health after an attempt, begun or ended at `now`, that failed.
    #[must_use]
    pub fn after_failure(self, now: Timestamp, timed_out: bool) -> Self {
        let failures = self.failures.saturating_add(1);
        let since = self.failing_since.unwrap_or(now);
        let breaker = match self.breaker {
            // Stragglers that were under way when it opened say nothing new.
            Some(open) if now < open.probe_at => Some(open),
            Some(open) => {
                let wait = (open.wait * 2).min(PROBE_MAX);
                Some(Breaker { probe_at: now + wait, wait })
            }
            None if failures >= FAILURES_TO_OPEN && now.since(since) >= SPAN_TO_OPEN => {
                Some(Breaker { probe_at: now + PROBE_FIRST, wait: PROBE_FIRST })
            }
            None => None,
        };
        Self { failures, timed_out, failing_since: Some(since), breaker }
    }

    /// Whether what is kept on disk differs.
    #[must_use]
    pub fn differs_durably(&self, other: &Self) -> bool {
        self.failing_since != other.failing_since || self.breaker != other.breaker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_breaker_opens_after_ten_failures_over_thirty_seconds_and_not_before() {
        let mut health = Health::default();
        for _ in 0..50 {
            health = health.after_failure(at(0), false);
        }
        assert_eq!(health.breaker, None, "fifty failures in one moment are one bad moment");
        health = health.after_failure(at(30), false);
        assert_eq!(health.breaker, Some(Breaker { probe_at: at(35), wait: Duration::from_secs(5) }));
        let slow = (0..9).fold(Health::default(), |h, i| h.after_failure(at(i * 100), false));
        assert_eq!(slow.breaker, None, "nine failures are not ten");
    }

    #[test]
    fn probes_wait_twice_as_long_each_time_up_to_five_minutes() {
        let mut health = Health { failures: 10, failing_since: Some(at(0)), ..Health::default() };
        health = health.after_failure(at(30), false);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let open = health.breaker.unwrap();
            waits.push(open.wait.as_secs());
            health = health.after_failure(open.probe_at, false);
        }
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(health.after_success(), Health::default());
    }

    #[test]
    fn stragglers_of_an_open_breaker_do_not_lengthen_its_wait() {
        let open = Health {
            failures: 10,
            failing_since: Some(at(0)),
            breaker: Some(Breaker { probe_at: at(35), wait: Duration::from_secs(5) }),
            timed_out: false,
        };
        assert_eq!(open.after_failure(at(31), true).breaker, open.breaker);
    }
}
