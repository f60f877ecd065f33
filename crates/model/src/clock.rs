//! Time as an input.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// Where time comes from. Nothing else in Ringback may read a clock.
///
/// The two readings agree until somebody sets the clock of the machine: [`Clock::now`] never jumps, so that nothing
/// scheduled runs early or late because of it; [`Clock::wall`] follows, because receivers compare it with their own.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// The time that schedules are kept by: never goes back, never jumps while the process lives, counts suspension.
    fn now(&self) -> Timestamp;

    /// The time on the wall: what signatures, tokens and people go by.
    fn wall(&self) -> Timestamp;
}

/// A clock that a test turns by hand.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    skew: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.as_micros()), skew: AtomicI64::new(0) }
    }

    /// Turns both readings forward.
    pub fn advance(&self, by: Duration) {
        self.set((self.now() + by).max(self.now()));
    }

    /// Turns the steady reading to `now`; it must not lie behind.
    pub fn set(&self, now: Timestamp) {
        self.now.fetch_max(now.as_micros(), Ordering::SeqCst);
    }

    /// Sets the wall clock this many microseconds apart from the steady one, as an administrator would.
    pub fn step_wall(&self, micros: i64) {
        self.skew.store(micros, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst).saturating_add(self.skew.load(Ordering::SeqCst)))
    }
}
