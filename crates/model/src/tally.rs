//! How deliveries went over a span of time, in numbers that add up.
//!
//! Attempts are counted where they end, in memory, and added to the store now and then: a chart of a week reads some
//! hundred small rows, and never counts deliveries. A crash loses what was counted in the last seconds.

use std::time::Duration;

use crate::Timestamp;

/// Upper ends of the classes of lag, in milliseconds; the last class has none.
const LAG_MS: [u64; LAGS - 1] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    1_800_000,
    7_200_000,
    43_200_000,
    172_800_000,
];
/// Classes of lag.
const LAGS: usize = 21;
/// Counts before those of lag.
const PLAIN: usize = 5;

/// How long the steps of a series of tallies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// A minute; kept for three hours.
    Minute,
    /// An hour; kept for nine days.
    Hour,
    /// A day of UTC; kept for four hundred.
    Day,
}

impl Span {
    /// All, the shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Its length.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    /// How long its tallies are kept.
    #[must_use]
    pub const fn kept(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 3 * 3_600,
            Self::Hour => 9 * 86_400,
            Self::Day => 400 * 86_400,
        })
    }

    /// The beginning of the step that a time falls in.
    #[must_use]
    pub const fn start_of(self, at: Timestamp) -> Timestamp {
        let length = self.length().as_micros() as i64;
        Timestamp::from_micros(at.as_micros() - at.as_micros().rem_euclid(length))
    }
}

/// What was counted over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts that succeeded.
    pub delivered: u64,
    /// Attempts that the receiver failed.
    pub failed: u64,
    /// Attempts of which nothing was sent.
    pub not_sent: u64,
    /// Deliveries that ended without success.
    pub given_up: u64,
    /// The time of all exchanges together, in microseconds.
    pub exchange_us: u64,
    /// Of those that succeeded, how many lagged so long: by class, the quickest first.
    pub lags: [u64; LAGS],
}

impl Tally {
    /// How many numbers it is.
    pub const COUNTS: usize = PLAIN + LAGS;

    /// Counts an attempt that succeeded, so long after its message was due for the first time.
    pub fn deliver(&mut self, lag: Duration) {
        self.delivered += 1;
        let class = LAG_MS.partition_point(|end| Duration::from_millis(*end) < lag);
        self.lags[class] += 1;
    }

    /// Adds another one to it.
    pub fn add(&mut self, other: &Self) {
        let sum = self.counts().iter().zip(other.counts()).map(|(ours, theirs)| ours.saturating_add(theirs)).collect();
        *self = Self::from_counts(sum);
    }

    /// Its numbers, in an order that never changes; new ones come last.
    #[must_use]
    pub fn counts(&self) -> [i64; Self::COUNTS] {
        let plain = [self.delivered, self.failed, self.not_sent, self.given_up, self.exchange_us];
        let mut numbers = plain.into_iter().chain(self.lags).map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        std::array::from_fn(|_| numbers.next().unwrap_or(0))
    }

    /// The tally of these numbers; those that are missing are 0.
    #[must_use]
    pub fn from_counts(counts: Vec<i64>) -> Self {
        let mut numbers =
            counts.into_iter().map(|number| u64::try_from(number).unwrap_or(0)).chain(std::iter::repeat(0));
        let mut next = || numbers.next().unwrap_or(0);
        let [delivered, failed, not_sent, given_up, exchange_us] = std::array::from_fn(|_| next());
        Self { delivered, failed, not_sent, given_up, exchange_us, lags: std::array::from_fn(|_| next()) }
    }

    /// Attempts that reached the receiver, or may have.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.delivered + self.failed
    }

    /// The part of [`Self::attempts`] that succeeded, 0 to 1; `None` without any.
    #[must_use]
    pub fn success_rate(&self) -> Option<f64> {
        (self.attempts() > 0).then(|| self.delivered as f64 / self.attempts() as f64)
    }

    /// The mean time of an exchange; `None` without any.
    #[must_use]
    pub const fn mean_exchange(&self) -> Option<Duration> {
        match self.exchange_us.checked_div(self.attempts()) {
            Some(us) => Some(Duration::from_micros(us)),
            None => None,
        }
    }

    /// The lag that a part `q` (0 to 1) of what was delivered stayed within, estimated within its class; `None` if
    /// nothing was delivered.
    #[must_use]
    pub fn lag(&self, q: f64) -> Option<Duration> {
        let all: u64 = self.lags.iter().sum();
        let wanted = (q.clamp(0.0, 1.0) * all as f64).max(f64::MIN_POSITIVE);
        let mut before = 0;
        for (class, count) in self.lags.iter().enumerate().filter(|(_, count)| **count > 0) {
            if (before + count) as f64 >= wanted {
                let lower = class.checked_sub(1).map_or(0, |below| LAG_MS[below]) as f64;
                // What lies in the last class is told by its lower end.
                let upper = LAG_MS.get(class).map_or(lower, |end| *end as f64);
                let within = (wanted - before as f64) / *count as f64;
                return Some(Duration::from_secs_f64((lower + (upper - lower) * within) / 1e3));
            }
            before += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally() -> impl Strategy<Value = Tally> {
        proptest::collection::vec(0..1_000_000_i64, Tally::COUNTS).prop_map(Tally::from_counts)
    }

    proptest! {
        #[test]
        fn numbers_come_back_and_add_up(one in tally(), other in tally()) {
            prop_assert_eq!(Tally::from_counts(one.counts().to_vec()), one);
            let mut sum = one;
            sum.add(&other);
            for (at, number) in sum.counts().into_iter().enumerate() {
                prop_assert_eq!(number, one.counts()[at] + other.counts()[at]);
            }
        }

        #[test]
        fn a_quantile_lies_in_the_class_of_the_lag_that_it_is_of(mut lags in proptest::collection::vec(0..200_000_000_u64, 1..50), q in 0.0..1.0_f64) {
            let mut tally = Tally::default();
            lags.iter().for_each(|ms| tally.deliver(Duration::from_millis(*ms)));
            lags.sort_unstable();
            let rank = ((q * lags.len() as f64).ceil() as usize).clamp(1, lags.len());
            let exact = lags[rank - 1];
            let class = LAG_MS.partition_point(|end| *end < exact);
            let told = tally.lag(q).unwrap().as_secs_f64() * 1e3;
            let lower = class.checked_sub(1).map_or(0, |below| LAG_MS[below]) as f64;
            let upper = LAG_MS.get(class).map_or(lower, |end| *end as f64);
            prop_assert!((lower - 1e-6..=upper + 1e-6).contains(&told), "{told} is not in {lower}..={upper}, where {exact} is");
        }
    }

    #[test]
    fn nothing_has_no_rate_and_no_lag() {
        assert_eq!((Tally::default().success_rate(), Tally::default().lag(0.5)), (None, None));
        assert_eq!(Tally::default().mean_exchange(), None);
        assert_eq!(Tally::from_counts(vec![3, 1]).success_rate(), Some(0.75));
    }

    #[test]
    fn steps_begin_at_whole_minutes_hours_and_days_also_before_1970() {
        let at = |micros| Timestamp::from_micros(micros);
        assert_eq!(Span::Minute.start_of(at(119_999_999)), at(60_000_000));
        assert_eq!(Span::Hour.start_of(at(3_600_000_000)), at(3_600_000_000));
        assert_eq!(Span::Day.start_of(at(-1)), at(-86_400_000_000));
    }
}
