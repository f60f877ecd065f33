//! How long the log is after a commit.
//!
//! SQLite tells it to a hook, which is a plain function with no state of its own; it runs on the thread that commits, so
//! it leaves the number where that thread finds it.

use std::cell::Cell;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

thread_local! {
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Begins to watch the commits of a connection.
pub(super) fn watch(connection: &Connection) {
    connection.wal_hook(Some(note));
}

/// Pages in the log after the last commit on this thread.
pub(super) fn pages() -> u32 {
    PAGES.get()
}

#[expect(clippy::unnecessary_wraps, reason = "the signature is that of the hook")]
fn note(_: &Wal, pages: i32) -> rusqlite::Result<()> {
    PAGES.set(u32::try_from(pages).unwrap_or(0));
    Ok(())
}
