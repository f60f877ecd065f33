//! Room on the disk. New messages are refused before there is none, so that outcomes can still be recorded.

use std::path::PathBuf;
use std::time::Duration;

use ringback_model::Timestamp;

/// How often the file system is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Watches the file system of one folder.
#[derive(Debug)]
pub(super) struct Space {
    folder: PathBuf,
    reserve: u64,
    asked_at: Option<Timestamp>,
    low: bool,
}

impl Space {
    pub(super) fn new(folder: PathBuf, reserve: u64) -> Self {
        Self { folder, reserve, asked_at: None, low: false }
    }

    /// Whether fewer bytes are free than are to be kept in reserve. Asks the file system about once a second.
    pub(super) fn is_low(&mut self, now: Timestamp) -> bool {
        if self.asked_at.is_none_or(|at| now.since(at) >= EVERY) {
            self.asked_at = Some(now);
            let low = match rustix::fs::statvfs(&self.folder) {
                Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize) < self.reserve,
                // It cannot be told: what is written next will say so.
                Err(_) => false,
            };
            if low && !self.low {
                tracing::error!(folder = %self.folder.display(), "the disk is nearly full: new messages are refused");
            } else if self.low && !low {
                tracing::info!(folder = %self.folder.display(), "there is room on the disk again");
            }
            self.low = low;
        }
        self.low
    }
}
