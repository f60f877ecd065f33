//! Queues of ordered endpoints.
//!
//! Of the pending deliveries of a queue only the one with the lowest number may be due; the others wait with no due time
//! at all, so that nothing ever reads past them. Whoever ends a delivery of a queue lets the next one out in the same
//! commit.

use std::sync::Arc;

use ringback_model::{EndpointNo, MessageNo, Priority, Timestamp, Trigger};
use rusqlite::{OptionalExtension as _, Result, params};

use super::batch::Batch;
use super::message;
use super::value::{At, maybe_time, small};
use crate::{Due, QueueNo};

/// Whether a pending delivery stands in the queue.
pub(super) fn is_occupied(batch: &Batch<'_>, endpoint: EndpointNo, queue: QueueNo) -> Result<bool> {
    if cfg!(feature = "mutant-key-forgotten") {
        return Ok(false);
    }
    batch
        .connection
        .prepare_cached(
            "SELECT 1 FROM delivery INDEXED BY delivery_queue WHERE endpoint = ?1 AND queue = ?2 AND state = 1 LIMIT 1",
        )?
        .exists(params![endpoint.0, queue.0])
}

/// Makes the first delivery of the queue due, at once or when its message is, unless it is already; and notes it for the
/// feed.
pub(super) fn let_next_out(batch: &mut Batch<'_>, endpoint: EndpointNo, queue: QueueNo) -> Result<()> {
    let head = batch
        .connection
        .prepare_cached(
            "SELECT message, due, priority, tries, unsent FROM delivery INDEXED BY delivery_queue \
             WHERE endpoint = ?1 AND queue = ?2 AND state = 1 ORDER BY message LIMIT 1",
        )?
        .query_row(params![endpoint.0, queue.0], |row| {
            let due: Option<Timestamp> = maybe_time(row, 1)?;
            Ok((MessageNo(row.get(0)?), due, Priority(row.get(2)?), small(row, 3)?, small(row, 4)?))
        })
        .optional()?;
    let Some((no, None, priority, tries, unsent)) = head else { return Ok(()) };
    let Some((message, _)) = message::by_no(batch.connection, no)? else { return Ok(()) };
    let due = message.starts_at().max(batch.now);
    batch
        .connection
        .prepare_cached("UPDATE delivery SET due = ?3 WHERE message = ?1 AND endpoint = ?2")?
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
