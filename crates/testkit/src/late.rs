//! The error of a wait that ran out.

use std::fmt;
use std::time::Duration;

/// What was waited for did not happen in time.
///
/// `Debug` prints the same sentence as `Display`, so that an `unwrap` in a test says what was wanted and what was there.
#[derive(Clone, thiserror::Error)]
#[error("wanted {wanted} within {limit:?}, but saw {seen}")]
pub struct Late {
    /// What was waited for.
    pub wanted: String,
    /// What was there when the time was up.
    pub seen: String,
    /// How long the wait was allowed to take.
    pub limit: Duration,
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
