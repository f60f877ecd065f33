//! What is computed of measurements: percentiles, medians, growth.

use std::time::{Duration, Instant};

/// A request that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// When it was due.
    pub(super) at: Instant,
    /// How long the answer took from then on.
    pub(super) took: Duration,
}

/// The duration that `part` of all are not above, by the nearest rank; zero if there are none.
#[must_use]
pub(super) fn percentile(durations: &[Duration], part: f64) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The median of the 99th percentiles of slices of time. What disturbs the machine for a moment falls into one slice, and does
/// not count; what the server does all the time falls into all. A slice that is not full at the end is left out.
#[must_use]
pub(super) fn steady_p99(answered: &[Answered], slice: Duration) -> Duration {
    let Some(began) = answered.iter().map(|answered| answered.at).min() else { return Duration::ZERO };
    let at = |answered: &Answered| (answered.at.duration_since(began).as_nanos() / slice.as_nanos().max(1)) as usize;
    let mut slices = vec![Vec::new(); answered.iter().map(at).max().unwrap_or_default() + 1];
    for answered in answered {
        slices[at(answered)].push(answered.took);
    }
    let most = slices.iter().map(Vec::len).max().unwrap_or_default();
    slices.retain(|slice| slice.len() * 2 > most);
    median(&slices.iter().map(|slice| percentile(slice, 0.99)).collect::<Vec<_>>())
}

/// The middle one of some durations; zero if there are none.
#[must_use]
pub(super) fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// A duration as milliseconds, to a hundredth.
#[must_use]
pub(super) fn in_ms(duration: Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}

/// How often a duration is another one; 0 if that is none.
#[must_use]
pub(super) fn ratio(of: Duration, to: Duration) -> f64 {
    if to.is_zero() { 0.0 } else { of.as_secs_f64() / to.as_secs_f64() }
}

/// By how much a value rises from the first point to the last one, by least squares. A point is a time and a value.
#[must_use]
pub(super) fn growth(points: &[(f64, f64)]) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return 0.0 };
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (middle, level) = (mean(|point| point.0), mean(|point| point.1));
    let (mut rise, mut spread) = (0.0, 0.0);
    for (at, value) in points {
        rise += (at - middle) * (value - level);
        spread += (at - middle) * (at - middle);
    }
    if spread > 0.0 { rise / spread * (last.0 - first.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_percentile_is_one_of_the_durations_and_that_of_none_is_zero() {
        let hundred: Vec<_> = (1..=100).rev().map(ms).collect();
        for (part, expected) in [(0.0, 1), (0.01, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)] {
            assert_eq!(percentile(&hundred, part), ms(expected), "{part}");
        }
        assert_eq!(percentile(&[ms(7)], 0.99), ms(7));
        assert_eq!(percentile(&[], 0.99), Duration::ZERO);
    }

    #[test]
    fn the_median_of_none_is_zero() {
        assert_eq!(median(&[]), Duration::ZERO);
        assert_eq!(median(&[ms(9), ms(1), ms(5)]), ms(5));
    }

    #[test]
    fn what_disturbs_one_slice_of_time_does_not_count_and_what_disturbs_all_does() {
        let began = Instant::now();
        let run = |slow: &dyn Fn(u64) -> bool| -> Vec<_> {
            let took = |at| if slow(at) { ms(50) } else { ms(2) };
            (0..5_100).map(|at| Answered { at: began + ms(at), took: took(at) }).collect()
        };
        assert_eq!(steady_p99(&run(&|at| (1_000..2_000).contains(&at)), ms(1_000)), ms(2));
        assert_eq!(steady_p99(&run(&|at| at % 50 == 0), ms(1_000)), ms(50));
        // The slice at the end, of a tenth of the others, is no slice.
        assert_eq!(steady_p99(&run(&|at| at >= 5_000 || at % 2_000 < 1_000), ms(1_000)), ms(50));
        assert_eq!(steady_p99(&[], ms(1_000)), Duration::ZERO);
    }

    #[test]
    fn growth_is_that_of_the_line_through_all_points() {
        let line = |of: fn(f64) -> f64| -> Vec<_> { (0..=100).map(|at| (f64::from(at), of(f64::from(at)))).collect() };
        assert!((growth(&line(|at| 40.0 + 3.0 * at)) - 300.0).abs() < 1e-6);
        assert!(growth(&line(|at| 40.0 + (at * 0.628).sin())).abs() < 1.0);
        assert!(growth(&[]).abs() + growth(&[(1.0, 7.0)]).abs() < 1e-9);
    }

    #[test]
    fn a_ratio_to_nothing_is_nothing() {
        assert!((ratio(ms(3), ms(2)) - 1.5).abs() < 1e-9);
        assert!(ratio(ms(3), Duration::ZERO).abs() < 1e-9);
    }
}
