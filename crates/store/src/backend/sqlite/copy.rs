//! Backup and restore. A backup is a folder with one file, which is a store itself: whoever has it needs nothing else
//! but the keys.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::FILE;
use super::error::open_error;
use super::inspect::inspect;
use super::lock::Lock;
use crate::{Inspection, StoreError, seal};

/// How long a copy waits for a lock.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);
/// The name of a file that is not whole yet.
const DRAFT: &str = "ringback.db.partial";

/// Copies the store in `from`, as it stands at one moment, into the folder `to`, beside its running server. What is
/// accepted while the copy is made is not in it, and the server's log grows until it is done.
///
/// # Errors
/// [`StoreError::Open`]: there is no store, there is one in `to` already, or one of the two cannot be read or written.
pub fn back_up(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = from.join(FILE);
    if !source.is_file() {
        return Err(StoreError::Open(format!("there is no store in {}", from.display())));
    }
    make_folder(to)?;
    refuse_existing(to)?;
    let draft = to.join(DRAFT);
    let failed = |error: std::io::Error| StoreError::Open(format!("{} cannot be written: {error}", draft.display()));
    remove_if_there(&draft).map_err(failed)?;
    // The file exists, empty and of its owner alone, before anything is written to it.
    File::create_new(&draft)
        .and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o600)))
        .map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copied = Connection::open_with_flags(&source, flags).and_then(|connection| {
        connection.busy_timeout(BUSY)?;
        connection.execute("VACUUM INTO ?1", [draft.to_string_lossy()])
    });
    if let Err(error) = copied {
        remove_if_there(&draft).map_err(failed)?;
        return Err(open_error("the store cannot be copied", &error));
    }
    finish(&draft, to)
}

/// Makes a store in the folder `to` of the backup in `from`, once the backup was found whole; what is in it.
///
/// # Errors
/// [`StoreError::Open`]: there is a store in `to` already, or a server at work, or the backup is not whole.
pub fn restore(from: &Path, to: &Path) -> Result<Inspection, StoreError> {
    let found = inspect(from, None)?;
    if let Some(trouble) = found.troubles.first() {
        return Err(StoreError::Open(format!("the backup in {} is not whole: {trouble}", from.display())));
    }
    make_folder(to)?;
    let _lock = Lock::take(to)?;
    refuse_existing(to)?;
    let draft = to.join(DRAFT);
    let failed = |error: std::io::Error| StoreError::Open(format!("{} cannot be written: {error}", draft.display()));
    fs::copy(from.join(FILE), &draft).map_err(failed)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    finish(&draft, to)?;
    Ok(found)
}

/// A whole file gets its name when it is on disk, or not at all.
fn finish(draft: &Path, folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(FILE);
    let finished = File::open(draft)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(draft, &path))
        .and_then(|()| seal::sync_folder_of(&path));
    finished.map_err(|error| StoreError::Open(format!("{} cannot be written: {error}", path.display())))
}

fn refuse_existing(folder: &Path) -> Result<(), StoreError> {
    for name in [FILE.to_owned(), format!("{FILE}-wal")] {
        if folder.join(&name).exists() {
            return Err(StoreError::Open(format!(
                "{} is there already, and nothing is written over: choose a folder of its own",
                folder.join(name).display()
            )));
        }
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| StoreError::Open(format!("the folder {} cannot be made: {error}", folder.display())))
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
