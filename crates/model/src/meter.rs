//! Counting what happens, for metrics: relaxed atomics, no lock, no allocation. What is counted is read by whoever
//! scrapes; readings of several meters are not of one moment.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Bounds of a histogram of times, in microseconds: from what a fast disk needs to what an outage leaves behind.
const TIME_BOUNDS: &[u64] = &[
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
    3_600_000_000,
];
/// Bounds of a histogram of sizes of groups.
const SIZE_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
/// Room for the classes of the longest histogram, and the one above all bounds.
const CLASSES: usize = 21;

/// How often something was so large, by class.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    counts: [AtomicU64; CLASSES],
    sum: AtomicU64,
}

/// What a histogram shows at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramReading {
    /// Upper ends of the classes and how many lay at or below each.
    pub up_to: Vec<(u64, u64)>,
    /// How many there were in all.
    pub count: u64,
    /// All of them together.
    pub sum: u64,
}

impl Histogram {
    /// One of times; it is read in microseconds.
    #[must_use]
    pub fn of_times() -> Self {
        Self::new(TIME_BOUNDS)
    }

    /// One of sizes of groups.
    #[must_use]
    pub fn of_sizes() -> Self {
        Self::new(SIZE_BOUNDS)
    }

    fn new(bounds: &'static [u64]) -> Self {
        assert!(bounds.len() < CLASSES, "there is room for the classes");
        Self { bounds, counts: Default::default(), sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn note(&self, value: u64) {
        let class = self.bounds.partition_point(|end| *end < value);
        self.counts[class].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Counts a time.
    pub fn note_time(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX >> 8));
    }

    /// What was counted.
    #[must_use]
    pub fn read(&self) -> HistogramReading {
        // The sum first: it is never of more than the classes show.
        let sum = self.sum.load(Relaxed);
        let mut count = 0;
        let mut below = |class: usize| {
            count += self.counts[class].load(Relaxed);
            count
        };
        let up_to = self.bounds.iter().enumerate().map(|(class, end)| (*end, below(class))).collect();
        let count = below(self.bounds.len());
        HistogramReading { up_to, count, sum }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_class_counts_all_that_lies_at_or_below_its_end(values in proptest::collection::vec(0..8_000_000_000_u64, 0..50)) {
            let histogram = Histogram::of_times();
            values.iter().for_each(|value| histogram.note(*value));
            let read = histogram.read();
            for (end, count) in read.up_to {
                prop_assert_eq!(count, values.iter().filter(|value| **value <= end).count() as u64);
            }
            prop_assert_eq!((read.count, read.sum), (values.len() as u64, values.iter().sum()));
        }
    }
}
