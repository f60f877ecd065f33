//! Which applications have the most attempts, so that metrics can show them one by one and the rest as one: a series
//! for each of 10,000 customers would cost whoever keeps metrics more than the deliveries cost us.
//!
//! An application that becomes busier than one that is shown takes its place; what it had before stays with the rest,
//! so that no number ever falls but by going away.

use std::time::Duration;

use ringback_model::{AppNo, Timestamp};
use rustc_hash::FxHashMap;

/// Applications that are shown.
pub(crate) const SHOWN: usize = 20;
/// Applications of which it is noted how busy they are, beside those shown.
const CANDIDATES: usize = 1_000;
/// How often the places are given anew.
const EVERY: Duration = Duration::from_secs(60);

/// What was counted of one application, or of the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppReading {
    /// Attempts that succeeded.
    pub delivered: u64,
    /// Those that did not.
    pub failed: u64,
}

impl AppReading {
    fn count(&mut self, delivered: bool) {
        let counter = if delivered { &mut self.delivered } else { &mut self.failed };
        *counter += 1;
    }
}

#[derive(Debug, Default)]
struct Shown {
    reading: AppReading,
    recent: u32,
}

/// Counts attempts by application.
#[derive(Debug)]
pub(crate) struct Busiest {
    shown: FxHashMap<AppNo, Shown>,
    /// How many attempts those that are not shown had since the places were given.
    candidates: FxHashMap<AppNo, u32>,
    rest: AppReading,
    turn_at: Timestamp,
}

impl Busiest {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            shown: FxHashMap::default(),
            candidates: FxHashMap::default(),
            rest: AppReading::default(),
            turn_at: now,
        }
    }

    /// Counts an attempt.
    pub(crate) fn count(&mut self, app: AppNo, delivered: bool, now: Timestamp) {
        if now >= self.turn_at {
            self.give_places();
            self.turn_at = now + EVERY;
        }
        if let Some(shown) = self.shown.get_mut(&app) {
            shown.reading.count(delivered);
            shown.recent = shown.recent.saturating_add(1);
            return;
        }
        if self.shown.len() < SHOWN {
            let shown = self.shown.entry(app).or_default();
            shown.reading.count(delivered);
            shown.recent = 1;
            return;
        }
        self.rest.count(delivered);
        if let Some(recent) = self.candidates.get_mut(&app) {
            *recent = recent.saturating_add(1);
        } else if self.candidates.len() < CANDIDATES {
            self.candidates.insert(app, 1);
        }
    }

    /// Those that are shown, and the rest.
    pub(crate) fn read(&self) -> (Vec<(AppNo, AppReading)>, AppReading) {
        (self.shown.iter().map(|(app, shown)| (*app, shown.reading)).collect(), self.rest)
    }

    fn give_places(&mut self) {
        let mut candidates: Vec<_> = self.candidates.drain().map(|(app, recent)| (recent, app)).collect();
        candidates.sort_unstable();
        let mut shown: Vec<_> = self.shown.iter().map(|(app, shown)| (shown.recent, *app)).collect();
        shown.sort_unstable();
        // Twice as busy, so that two that are equal do not take turns.
        for ((busy, new), (quiet, old)) in candidates.into_iter().rev().zip(shown) {
            if busy <= quiet.saturating_mul(2) {
                break;
            }
            self.shown.remove(&old);
            self.shown.insert(new, Shown::default());
        }
        self.shown.values_mut().for_each(|shown| shown.recent = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_number_shown_is_bounded_and_the_rest_is_counted_as_one() {
        let mut busiest = Busiest::new(at(0));
        for app in 0..5_000 {
            busiest.count(AppNo(app), app % 2 == 0, at(1));
        }
        let (shown, rest) = busiest.read();
        assert_eq!(shown.len(), SHOWN);
        let of_shown: u64 = shown.iter().map(|(_, reading)| reading.delivered + reading.failed).sum();
        assert_eq!((of_shown, rest.delivered + rest.failed), (SHOWN as u64, 5_000 - SHOWN as u64));
        assert!(busiest.candidates.len() <= CANDIDATES);
    }

    #[test]
    fn a_busy_one_takes_the_place_of_a_quiet_one_and_no_number_falls() {
        let mut busiest = Busiest::new(at(0));
        for app in 0..i64::try_from(SHOWN).unwrap() {
            (0..=app).for_each(|_| busiest.count(AppNo(app), true, at(1)));
        }
        (0..10).for_each(|_| busiest.count(AppNo(99), false, at(2)));
        let before = busiest.read().1;
        busiest.count(AppNo(99), false, at(100));
        let (shown, rest) = busiest.read();
        assert!(shown.contains(&(AppNo(99), AppReading { delivered: 0, failed: 1 })), "{shown:?}");
        assert!(!shown.iter().any(|(app, _)| *app == AppNo(0)) && shown.iter().any(|(app, _)| *app == AppNo(19)));
        assert_eq!((rest, shown.len()), (before, SHOWN));
    }
}
