//! One server per store.
//!
//! The lock is on a file of its own, so that tools that read or copy the database beside a running server are not
//! locked out. The system lets go of it when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::StoreError;

const FILE: &str = "ringback.lock";

/// Held as long as the store is open.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// [`StoreError::Open`] when another server has it, or the file cannot be made.
    pub(super) fn take(folder: &Path) -> Result<Self, StoreError> {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(FILE)).map_err(|error| {
                StoreError::Open(format!("{} cannot be written: {error}", folder.join(FILE).display()))
            })?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(StoreError::Open(format!(
                "the store in {} is in use by another server: stop it, or give this one a folder of its own",
                folder.display()
            ))),
            Err(error) => Err(StoreError::Open(format!("the store in {} cannot be locked: {error}", folder.display()))),
        }
    }
}
