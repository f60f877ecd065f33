//! How many bytes of payload are kept of each application: counted when messages are read for the first time after their
//! acceptance, and given back when their payload goes.

use ringback_model::{AppNo, MessageNo};
use rusqlite::{Connection, OptionalExtension as _, Result};

/// See [`crate::Store::usage`].
pub(super) fn usage(connection: &Connection, app: AppNo) -> Result<u64> {
    let sql = "SELECT max(bytes, 0) FROM usage WHERE app = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([app.0], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Counts messages of a run of numbers, which are read at this moment.
pub(super) fn count(connection: &Connection, after: MessageNo, through: MessageNo) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO usage (app, bytes) \
             SELECT app, sum(COALESCE(length(payload), 0) + COALESCE(length(raw), 0)) FROM message \
             WHERE no > ?1 AND no <= ?2 GROUP BY app \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
        )?
        .execute([after.0, through.0])
        .map(drop)
}

/// Gives back what a message takes, whose payload goes now; `read_to` is the last message that was counted.
pub(super) fn give_back(connection: &Connection, message: MessageNo, read_to: MessageNo) -> Result<()> {
    if message > read_to {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE usage SET bytes = bytes - gone.size FROM \
             (SELECT app, COALESCE(length(payload), 0) + COALESCE(length(raw), 0) AS size FROM message WHERE no = ?1) gone \
             WHERE usage.app = gone.app AND gone.size > 0",
        )?
        .execute([message.0])
        .map(drop)
}
