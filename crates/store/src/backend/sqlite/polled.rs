//! What pollers get.

use ringback_model::{MessageNo, PollerNo};
use rusqlite::{Connection, Result, params};

use super::message::{COLUMNS, WHOLE, read};
use crate::{PollQuery, Polled};

/// How many columns [`COLUMNS`] names.
const BARE: usize = WHOLE - 2;

/// Notes a message for pollers.
pub(super) fn note(connection: &Connection, message: MessageNo, pollers: &[PollerNo]) -> Result<()> {
    for poller in pollers {
        connection
            .prepare_cached("INSERT INTO polled (poller, message) VALUES (?1, ?2)")?
            .execute([poller.0, message.0])?;
    }
    Ok(())
}

/// See [`crate::Store::polled`]. One connection writes, so commits come in the order of numbers.
pub(super) fn polled(connection: &Connection, asked: &PollQuery) -> Result<Vec<Polled>> {
    let sql = format!(
        "SELECT {COLUMNS}, m.payload IS NOT NULL FROM polled p JOIN message m ON m.no = p.message \
         WHERE p.poller = ?1 AND p.message > ?2 ORDER BY p.message LIMIT ?3"
    );
    let limit = i64::try_from(asked.limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&sql)?
        .query_map(params![asked.poller.0, asked.after.0, limit], |row| {
            Ok(Polled { message: read(row)?, has_payload: row.get(BARE)? })
        })?
        .collect()
}
