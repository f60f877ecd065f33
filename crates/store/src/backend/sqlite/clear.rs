//! Ending pending deliveries without an attempt: [`clear`], for endpoints that were deleted or emptied.

use std::collections::HashSet;

use ringback_model::{Health, MessageNo, Reason};
use rusqlite::{Result, params};

use super::batch::Batch;
use super::{document, health, queue};
use crate::{Clear, Cleared, QueueNo};

/// Where the pending deliveries of an endpoint are found. Queues come first and from their ends, so that the one that
/// is due is the last of its queue to go: nothing behind it has to be let out, and what is left has its head.
const PENDING: [&str; 3] = [
    "SELECT message, queue FROM delivery INDEXED BY delivery_queue WHERE endpoint = ?1 AND queue IS NOT NULL AND state = 1 \
     AND message <= ?3 ORDER BY queue DESC, message DESC LIMIT ?2",
    "SELECT message, queue FROM delivery INDEXED BY delivery_due WHERE endpoint = ?1 AND due IS NOT NULL \
     AND message <= ?3 LIMIT ?2",
    // Those that have ended and were asked for again keep the state that they ended in.
    "SELECT message, queue FROM delivery INDEXED BY delivery_by_hand WHERE endpoint = ?1 AND manual_due IS NOT NULL \
     AND message <= ?3 LIMIT ?2",
];

/// Ends pending deliveries of an endpoint, at most as many as asked for, and calls off what was asked for by hand.
pub(super) fn clear(batch: &mut Batch<'_>, item: &Clear) -> Result<Cleared> {
    if item.reason == Reason::EndpointDeleted && document::lives(batch.connection, item.endpoint.0)? {
        return Ok(Cleared { count: 0, lives: true });
    }
    let (mut ended, mut queues) = (HashSet::new(), HashSet::new());
    for sql in PENDING {
        let left = i64::try_from(item.limit - ended.len()).unwrap_or(i64::MAX);
        let upto = item.upto.map_or(i64::MAX, |upto| upto.0);
        let found: Vec<(i64, Option<i64>)> = batch
            .connection
            .prepare_cached(sql)?
            .query_map([item.endpoint.0, left, upto], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?;
        let mut end = batch.connection.prepare_cached(
            "UPDATE delivery SET due = NULL, manual_due = NULL, held = NULL, \
             reason = CASE state WHEN 1 THEN ?4 ELSE reason END, state = CASE state WHEN 1 THEN ?3 ELSE state END \
             WHERE message = ?1 AND endpoint = ?2",
        )?;
        for (message, queue) in found {
            queues.extend(queue.map(QueueNo));
            end.execute(params![message, item.endpoint.0, item.state.code(), item.reason.code()])?;
            ended.insert(MessageNo(message));
        }
    }
    if ended.len() < item.limit && item.reason == Reason::EndpointDeleted {
        // Nothing is left of it, so a start need not find it because it was failing.
        health::write(batch.connection, item.endpoint, &Health::default())?;
    }
    if item.upto.is_some() {
        for queue in queues {
            queue::let_next_out(batch, item.endpoint, queue)?;
        }
    }
    // What came due earlier in this very commit is not told any more.
    batch.committed.due.retain(|due| due.endpoint != item.endpoint || !ended.contains(&due.message.no));
    Ok(Cleared { count: ended.len(), lives: false })
}
