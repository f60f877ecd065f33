//! What waits for one endpoint, from indexes alone.

use ringback_model::{EndpointNo, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::value::time;
use crate::Backlog;

/// Those with a time; among them the head of each queue.
const DUE: &str =
    "SELECT count(*), min(message) FROM delivery INDEXED BY delivery_due WHERE endpoint = ?1 AND due IS NOT NULL";
/// Those behind the heads, and the oldest of all that stand in queues.
const QUEUED: &str = "SELECT count(*) - count(DISTINCT queue), min(message) FROM delivery INDEXED BY delivery_queue \
                      WHERE endpoint = ?1 AND queue IS NOT NULL AND state = 1";

/// See [`crate::Store::backlog`].
pub(super) fn backlog(connection: &Connection, endpoint: EndpointNo) -> Result<Backlog> {
    let snapshot = connection.unchecked_transaction()?;
    let read = |row: &Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, Option<i64>>(1)?));
    let due = snapshot.prepare_cached(DUE)?.query_row([endpoint.0], read)?;
    let queued = snapshot.prepare_cached(QUEUED)?.query_row([endpoint.0], read)?;
    let first = [due.1, queued.1].into_iter().flatten().min();
    let accepted_at = "SELECT accepted_at FROM message WHERE no = ?1";
    let oldest: Option<Timestamp> = match first {
        Some(no) => snapshot.prepare_cached(accepted_at)?.query_row([no], |row| time(row, 0)).optional()?,
        None => None,
    };
    Ok(Backlog { pending: due.0 + queued.0, oldest })
}
