//! Ending one delivery without an attempt: [`end`], because somebody calls it off.

use ringback_model::Trigger;
use rusqlite::Result;

use super::audit;
use super::batch::Batch;
use super::delivery::{progress, write_progress};
use super::queue;
use crate::{End, Ended};

/// Ends a pending delivery and lets the next one of its queue out; calls off what was asked for by hand.
pub(super) fn end(batch: &mut Batch<'_>, item: &End) -> Result<Ended> {
    end_but(batch, item, false)
}

/// The same; `keeps_asked` leaves what was asked for by hand.
pub(super) fn end_but(batch: &mut Batch<'_>, item: &End, keeps_asked: bool) -> Result<Ended> {
    let Some(before) = progress(batch.connection, item.message, item.endpoint)? else { return Ok(Ended::NotFound) };
    if !before.is_pending() && before.manual_due.is_none() {
        return Ok(Ended::NotPending);
    }
    let mut after = before;
    (after.due, after.held) = (None, None);
    after.manual_due = before.manual_due.filter(|_| keeps_asked);
    if before.is_pending() {
        (after.state, after.reason) = (item.state, Some(item.reason));
    }
    write_progress(batch.connection, item.message, item.endpoint, &after)?;
    // What came due earlier in this very commit is not told any more.
    batch.committed.due.retain(|due| {
        let stays = keeps_asked && due.trigger == Trigger::Manual;
        stays || due.message.no != item.message || due.endpoint != item.endpoint
    });
    if let Some(queue) = before.queue.filter(|_| before.is_pending()) {
        queue::let_next_out(batch, item.endpoint, queue)?;
    }
    batch.committed.revoked.push(item.endpoint);
    if let Some(told) = &item.audit {
        audit::note(batch.connection, told)?;
    }
    Ok(Ended::Ended)
}
