//! Connections and how they are set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Result};

use super::error::open_error;
use super::schema;
use crate::StoreError;

/// The file in the store's folder.
pub(super) const FILE: &str = "ringback.db";
/// Pages of memory that the writer may use, in KiB: the hot ends of all its trees.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const READER_CACHE_KIB: i64 = 2 * 1024;
/// How long a connection waits for a lock: for the end of a checkpoint, or of a tool that reads or copies the file.
const BUSY: Duration = Duration::from_secs(10);
/// How long a checkpoint that holds the writer's turn waits for readers. It comes back later: a tool that reads for long
/// must not hold up writes.
const BUSY_CHECKPOINT: Duration = Duration::from_millis(250);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// Opens the file at `path` as its writer, makes it if it is missing, and brings its tables up to date.
///
/// # Errors
/// [`StoreError::Open`] when it cannot be opened, is damaged, or was written by a newer version.
pub fn open_connection(path: &Path) -> Result<Connection, StoreError> {
    let doing = format!("the store {} cannot be opened", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| open_error(&doing, &error))?;
    set_up_writer(&connection).map_err(|error| open_error(&doing, &error))?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// A store in memory, for simulations: it is gone with its connection.
///
/// # Errors
/// [`StoreError::Open`], in theory.
pub fn open_in_memory() -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory().map_err(|error| open_error("no store in memory", &error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the file at `path` for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    set_up(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens the file at `path` for checkpoints.
pub(super) fn open_checkpointer(path: &Path) -> Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    set_up_writer(&connection)?;
    // It reads the log and never a page through its cache.
    connection.pragma_update(None, "cache_size", -1_024)?;
    connection.busy_timeout(BUSY_CHECKPOINT)?;
    Ok(connection)
}

fn set_up_writer(connection: &Connection) -> Result<()> {
    set_up(connection, WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // IMPORTANT: an answer means durable. Nothing below FULL waits for the disk at each commit.
    connection.pragma_update(None, "synchronous", "full")?;
    // Checkpoints belong to a thread of their own.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    Ok(())
}

fn set_up(connection: &Connection, cache_kib: i64) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "memory")
}
