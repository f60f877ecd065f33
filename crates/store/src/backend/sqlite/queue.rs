//! Queues of ordered endpoints.
//!
//! Of the pending deliveries of a queue only the one with the lowest number may be due; the others wait with no due time
//! at all, so that nothing ever reads past them. Whoever ends a delivery of a queue lets the next one out in the same
//! commit.

use std::sync::Arc;

use ringback_model::{EndpointNo, MessageNo, Mutant, Priority, Timestamp, Trigger};
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use super::batch::Batch;
use super::message;
use super::value::{At, maybe_time, small};
use crate::{Due, QueueNo};

/// Whether a pending delivery stands in the queue.
pub(super) fn is_occupied(batch: &Batch<'_>, endpoint: EndpointNo, queue: QueueNo) -> Result<bool> {
    if Mutant::OrderForgotten.is_alive() {
        return Ok(false);
    }
    batch
        .connection
        .prepare_cached(
            "SELECT 1 FROM delivery INDEXED BY delivery_queue WHERE endpoint = ?1 AND queue = ?2 AND state = 1 LIMIT 1",
        )?
        .exists(params![endpoint.0, queue.0])
}

/// The deliveries right behind the head of a queue, at most `limit`; none if it is not the head, or is not due.
pub(super) fn behind(
    connection: &Connection,
    endpoint: EndpointNo,
    queue: QueueNo,
    head: MessageNo,
    limit: usize,
) -> Result<Vec<MessageNo>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut statement = connection.prepare_cached(
        "SELECT message, due IS NOT NULL FROM delivery INDEXED BY delivery_queue \
         WHERE endpoint = ?1 AND queue = ?2 AND state = 1 ORDER BY message LIMIT ?3",
    )?;
    let mut rows = statement
        .query_map(params![endpoint.0, queue.0, limit], |row| Ok((MessageNo(row.get(0)?), row.get::<_, bool>(1)?)))?;
    match rows.next().transpose()? {
        Some((first, true)) if first == head => rows.map(|row| row.map(|(no, _)| no)).collect(),
        Some(_) | None => Ok(Vec::new()),
    }
}

/// Makes the first delivery of the queue due, at once or when its message is or it may be tried again, unless it is already;
/// and notes it for the feed.
pub(super) fn let_next_out(batch: &mut Batch<'_>, endpoint: EndpointNo, queue: QueueNo) -> Result<()> {
    let head = batch
        .connection
        .prepare_cached(
            "SELECT message, due, priority, tries, unsent, not_before FROM delivery INDEXED BY delivery_queue \
             WHERE endpoint = ?1 AND queue = ?2 AND state = 1 ORDER BY message LIMIT 1",
        )?
        .query_row(params![endpoint.0, queue.0], |row| {
            let due: Option<Timestamp> = maybe_time(row, 1)?;
            let not_before = maybe_time(row, 5)?;
            Ok((MessageNo(row.get(0)?), due, Priority(row.get(2)?), small(row, 3)?, small(row, 4)?, not_before))
        })
        .optional()?;
    let Some((no, None, priority, tries, unsent, not_before)) = head else { return Ok(()) };
    let Some((message, _)) = message::by_no(batch.connection, no)? else { return Ok(()) };
    let due = message.starts_at().max(batch.now).max(not_before.unwrap_or(batch.now));
    batch
        .connection
        .prepare_cached("UPDATE delivery SET due = ?3, not_before = NULL WHERE message = ?1 AND endpoint = ?2")?
        .execute(params![no.0, endpoint.0, At(due)])?;
    let due = Due {
        message: Arc::new(message),
        endpoint,
        trigger: Trigger::Scheduled,
        priority,
        due,
        queue: Some(queue),
        tries,
        unsent,
        held_since: None,
    };
    batch.committed.come_due([due], batch.now);
    Ok(())
}
