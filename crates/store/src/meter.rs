//! What a store counts for metrics, and what it says of the room that it has.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringback_model::{Counter, Histogram};

use crate::{Accepted, Finished, StoreError};

/// What a store has done since it was opened, and the files that it keeps.
#[derive(Debug)]
pub struct StoreMeter {
    /// Messages accepted.
    pub messages: Counter,
    /// Their deliveries.
    pub deliveries: Counter,
    /// How long commits took, from the first write of a group until it was durable.
    pub commit_time: Histogram,
    /// How many writes shared a commit.
    pub commit_size: Histogram,
    /// Outcomes that were not recorded because their shard was another node's by then.
    pub fenced: Counter,
    /// Whether other nodes are heard at once; else they are seen by looking.
    listening: AtomicBool,
    files: Option<Files>,
}

/// Where an embedded store keeps its files, and how much room is kept free there.
#[derive(Debug)]
struct Files {
    store: PathBuf,
    log: PathBuf,
    folder: PathBuf,
    reserve: u64,
}

/// The room that an embedded store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free on the disk.
    pub free: u64,
    /// Bytes that the disk has.
    pub size: u64,
    /// Bytes that are kept free: with less, new messages are refused.
    pub reserve: u64,
    /// Bytes of the store's file.
    pub store: u64,
    /// Bytes of its write-ahead log.
    pub log: u64,
}

impl Room {
    /// Whether new messages are refused for want of room.
    #[must_use]
    pub const fn is_low(&self) -> bool {
        self.free < self.reserve
    }
}

impl StoreMeter {
    /// A meter of a store whose files are somebody else's.
    #[must_use]
    pub fn remote() -> Self {
        Self {
            messages: Counter::default(),
            deliveries: Counter::default(),
            commit_time: Histogram::of_times(),
            commit_size: Histogram::of_sizes(),
            fenced: Counter::default(),
            listening: AtomicBool::new(false),
            files: None,
        }
    }

    /// A meter of a store in a file of this folder, of whose disk `reserve` bytes are kept free.
    #[must_use]
    pub fn embedded(folder: &Path, file: &str, reserve: u64) -> Self {
        let files = Files {
            store: folder.join(file),
            log: folder.join(format!("{file}-wal")),
            folder: folder.to_owned(),
            reserve,
        };
        Self { files: Some(files), ..Self::remote() }
    }

    /// The room at this moment; `None` where the files are somebody else's, or the file system does not say.
    #[must_use]
    pub fn room(&self) -> Option<Room> {
        let files = self.files.as_ref()?;
        let disk = rustix::fs::statvfs(&files.folder).ok()?;
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        Some(Room {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            size: disk.f_blocks.saturating_mul(disk.f_frsize),
            reserve: files.reserve,
            store: length(&files.store),
            log: length(&files.log),
        })
    }

    /// A commit of so many writes is durable.
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commit_time.note_time(took);
        self.commit_size.note(writes as u64);
    }

    /// Whether other nodes are heard at once.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Other nodes are heard, or are not.
    pub(crate) fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Relaxed);
    }

    /// An outcome was answered.
    pub(crate) fn finished(&self, result: &Result<Finished, StoreError>) {
        if matches!(result, Ok(Finished::Fenced)) {
            self.fenced.add_one();
        }
    }

    /// A message for so many endpoints was answered.
    pub(crate) fn accepted(&self, result: &Result<Accepted, StoreError>, deliveries: usize) {
        if matches!(result, Ok(Accepted::New { .. })) {
            self.messages.add_one();
            self.deliveries.add(deliveries as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_low_when_less_is_free_than_is_kept_in_reserve() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.db"), b"12345").unwrap();
        let room = StoreMeter::embedded(folder.path(), "a.db", 0).room().unwrap();
        assert_eq!((room.store, room.log, room.is_low()), (5, 0, false));
        assert!(room.free <= room.size && room.size > 0);
        assert!(StoreMeter::embedded(folder.path(), "a.db", u64::MAX).room().unwrap().is_low());
        assert_eq!(StoreMeter::remote().room(), None);
    }
}
