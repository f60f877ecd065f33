//! What waits for one endpoint or for all, from indexes alone.

use ringback_model::{EndpointNo, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params_from_iter};

use super::value::time;
use crate::Backlog;

/// Those with a time; among them the head of each queue.
const DUE: &str = "SELECT count(*), min(message), 0 FROM (SELECT message FROM delivery INDEXED BY delivery_due \
                   WHERE endpoint = ?1 AND due IS NOT NULL LIMIT ?2)";
/// Those behind the heads, and the oldest of all that stand in queues.
const QUEUED: &str = "SELECT count(*), min(message), count(DISTINCT queue) FROM (SELECT message, queue FROM delivery \
                      INDEXED BY delivery_queue WHERE endpoint = ?1 AND queue IS NOT NULL AND state = 1 LIMIT ?2)";

/// The same of all endpoints.
const ALL_DUE: &str = "SELECT count(*), min(message), 0 FROM delivery INDEXED BY delivery_due WHERE due IS NOT NULL";
const ALL_QUEUED: &str = "SELECT COALESCE(sum(waiting - 1), 0), min(first), 0 FROM (SELECT count(*) AS waiting, \
                          min(message) AS first FROM delivery INDEXED BY delivery_queue \
                          WHERE queue IS NOT NULL AND state = 1 GROUP BY endpoint, queue)";

/// See [`crate::Store::backlog`].
pub(super) fn backlog(connection: &Connection, endpoint: EndpointNo, limit: u32) -> Result<Backlog> {
    // One more than that says that there are more.
    read(connection, [DUE, QUEUED], &[endpoint.0, i64::from(limit) + 1], limit)
}

/// See [`crate::Store::pending`].
pub(super) fn pending(connection: &Connection) -> Result<Backlog> {
    read(connection, [ALL_DUE, ALL_QUEUED], &[], u32::MAX)
}

fn read(connection: &Connection, [due, queued]: [&str; 2], of: &[i64], limit: u32) -> Result<Backlog> {
    let snapshot = connection.unchecked_transaction()?;
    let counted = |row: &Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, u64>(2)?));
    let due = snapshot.prepare_cached(due)?.query_row(params_from_iter(of), counted)?;
    let queued = snapshot.prepare_cached(queued)?.query_row(params_from_iter(of), counted)?;
    let first = [due.1, queued.1].into_iter().flatten().min();
    let accepted_at = "SELECT accepted_at FROM message WHERE no = ?1";
    let oldest: Option<Timestamp> = match first {
        Some(no) => snapshot.prepare_cached(accepted_at)?.query_row([no], |row| time(row, 0)).optional()?,
        None => None,
    };
    Ok(Backlog::counted(due.0, (queued.0, queued.2), limit, oldest))
}
