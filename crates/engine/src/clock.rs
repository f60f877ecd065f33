//! The machine's clocks behind [`Clock`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringback_model::{Clock, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// The time of this machine.
///
/// [`Clock::now`] is the wall clock as it stood at the start plus the boot clock since, which counts suspension and
/// does not jump when somebody sets the time; [`Clock::wall`] is the wall clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Timestamp,
    booted: Duration,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: wall(), booted: since_boot() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.started + since_boot().saturating_sub(self.booted)
    }

    fn wall(&self) -> Timestamp {
        wall()
    }
}

fn since_boot() -> Duration {
    let at = clock_gettime(ClockId::Boottime);
    Duration::new(at.tv_sec.unsigned_abs(), at.tv_nsec.unsigned_abs().try_into().unwrap_or(0))
}

#[expect(clippy::disallowed_methods, reason = "this is the door through which wall time comes in")]
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
