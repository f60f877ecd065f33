//! Parts of background tasks: [`advance`].

use ringback_model::{Class, DeliveryState, EndpointNo, Priority};
use rusqlite::{Result, params};

use super::batch::Batch;
use super::clear::clear;
use super::queue;
use super::value::At;
use crate::{Advance, Advanced, Arm};

/// Does a part of a task and saves its document, unless somebody has changed that.
pub(super) fn advance(batch: &mut Batch<'_>, item: &Advance) -> Result<Advanced> {
    let saved = batch
        .connection
        .prepare_cached(
            "UPDATE document SET body = ?3, version = version + 1 WHERE no = ?1 AND version = ?2 AND deleted_at IS NULL",
        )?
        .execute(params![item.task, item.version, item.body])?;
    if saved == 0 {
        return Ok(Advanced::Stale);
    }
    let mut count = 0;
    if let Some(what) = &item.clear {
        count += clear(batch, what)?.count;
        batch.committed.revoked.push(item.endpoint);
    }
    for delivery in &item.arm {
        count += usize::from(arm(batch, item.endpoint, delivery)?);
    }
    if !item.arm.is_empty() {
        batch.committed.woken.push(item.endpoint);
    }
    Ok(Advanced::Done { count })
}

/// Makes a delivery due, as if it had just been accepted but behind what is; answers whether it did.
fn arm(batch: &Batch<'_>, endpoint: EndpointNo, item: &Arm) -> Result<bool> {
    let blocked = match item.queue {
        Some(queue) => queue::is_occupied(batch, endpoint, queue)?,
        None => false,
    };
    let (due, queue) = ((!blocked).then_some(At(batch.now)), item.queue.map(|queue| queue.0));
    let last = Priority::new(Class::Marketing, false).0;
    let changed = match item.was {
        Some(state) => batch
            .connection
            .prepare_cached(
                "UPDATE delivery SET state = ?3, due = max(?4, COALESCE((SELECT deliver_at FROM message WHERE no = ?1), ?4)), queue = ?5, priority = ?6, tries = 0, unsent = 0, \
                 reason = NULL, held = NULL, not_before = NULL WHERE message = ?1 AND endpoint = ?2 AND state = ?7",
            )?
            .execute(params![
                item.message.0,
                endpoint.0,
                DeliveryState::Pending.code(),
                due,
                queue,
                last,
                state.code()
            ])?,
        None => batch
            .connection
            .prepare_cached(
                "INSERT INTO delivery (message, endpoint, state, due, queue, priority, tries, unsent) \
                 SELECT no, ?2, ?3, max(?4, COALESCE(deliver_at, ?4)), ?5, ?6, 0, 0 FROM message WHERE no = ?1 ON CONFLICT DO NOTHING",
            )?
            .execute(params![item.message.0, endpoint.0, DeliveryState::Pending.code(), due, queue, last])?,
    };
    Ok(changed == 1)
}
