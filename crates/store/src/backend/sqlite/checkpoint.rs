//! Moving the log back into the file, beside the writer.
//!
//! A commit appends to the log; a checkpoint copies what has gathered into the file, after which the log begins anew. A
//! passive one disturbs nobody, but the log begins anew only if no reader is in it at that moment. So when it has grown
//! long all the same, a restarting one takes the writer's turn and waits for readers, which are short (`reader.rs`).

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::connection::open_checkpointer;
use super::error::open_error;
use crate::StoreError;

/// Pages of 4 KiB that gather in the log before a passive checkpoint: 8 MiB.
const PASSIVE: u32 = 2_048;
/// Pages in the log at which it is made to begin anew: 32 MiB. What is written meanwhile stays far under 64 MiB.
const RESTART: u32 = 8_192;

/// The thread that checkpoints.
#[derive(Debug)]
pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer and the checkpointer tell each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// For the checkpointer: there is something to do, or it is over.
    wanted: Condvar,
    /// For the writer: the log has begun anew.
    restarted: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Pages in the log after the last commit.
    pages: u32,
    /// Pages in the log at the last checkpoint; 0 if it has begun anew since.
    seen: u32,
    wanted: bool,
    /// The writer must wait.
    restarting: bool,
    closed: bool,
    /// A commit has failed: the files are left as they are.
    broken: bool,
}

impl Checkpointer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file cannot be opened.
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = open_checkpointer(path).map_err(|error| open_error("no checkpoints can be made", &error))?;
        let shared = Arc::<Shared>::default();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || theirs.run(&connection))
            .map_err(|error| StoreError::Open(format!("no thread for checkpoints: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What the writer is to talk to.
    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }
}

impl Shared {
    /// The log has so many pages after a commit.
    pub(super) fn grown(&self, pages: u32) {
        let mut state = self.lock();
        if pages < state.pages {
            state.seen = 0;
        }
        state.pages = pages;
        if pages.saturating_sub(state.seen) >= PASSIVE && !state.wanted {
            state.wanted = true;
            self.wanted.notify_one();
        }
    }

    /// Waits, before a commit, until a restarting checkpoint is over. The database's own lock is not fair: a writer that
    /// comes back at once would keep the checkpointer out for ever.
    pub(super) fn give_way(&self) {
        let mut state = self.lock();
        while state.restarting {
            state = self.restarted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A commit has failed: from now on the files are left as they are, for the next start to judge.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        (state.closed, state.broken) = (true, true);
        self.wanted.notify_one();
    }

    fn run(&self, connection: &Connection) {
        while let Some(mode) = self.next() {
            let done = checkpoint(connection, mode);
            let mut state = self.lock();
            state.restarting = false;
            self.restarted.notify_one();
            match done {
                // A log that is shorter by now has begun anew in the meantime.
                Ok(pages) => state.seen = if pages <= state.pages { pages } else { 0 },
                // The log grows until the next one works; what is committed is safe in it.
                Err(error) => {
                    tracing::error!(%error, mode, "a checkpoint failed");
                    state.seen = state.pages;
                }
            }
        }
        if self.lock().broken {
            leave_as_it_is(connection);
        }
    }

    /// Waits until there is something to do, and says what; `None` at the end.
    fn next(&self) -> Option<&'static str> {
        let mut state = self.lock();
        while !state.wanted && !state.closed {
            state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.wanted = false;
        state.restarting = state.pages >= RESTART && !state.closed;
        match (state.closed, state.restarting) {
            (true, _) => None,
            (false, true) => Some("RESTART"),
            (false, false) => Some("PASSIVE"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps SQLite from the checkpoint that it makes when the last connection closes.
pub(super) fn leave_as_it_is(connection: &Connection) {
    if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
        tracing::error!(%error, "the log cannot be kept from being moved into the file");
    }
}

/// Makes a checkpoint and answers how many pages the log has.
fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<u32> {
    connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?
        .query_row([], |row| Ok(u32::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its last words are in the log.
            drop(thread.join());
        }
    }
}
