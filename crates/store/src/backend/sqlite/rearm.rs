//! Asking for one extra attempt of a delivery: [`rearm`].

use std::sync::Arc;

use ringback_model::Trigger;
use rusqlite::{Result, params};

use super::audit;
use super::batch::Batch;
use super::idempotency::{self, Answer, Found};
use super::message;
use super::value::{At, small};
use crate::{Due, QueueNo, Rearm, Rearmed};

/// Makes a delivery due by hand: beside its schedule, whatever its state, and past its queue. If the message was never
/// meant for the endpoint, the delivery is made, with no schedule of its own.
pub(super) fn rearm(batch: &mut Batch<'_>, item: &Rearm) -> Result<Rearmed> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(batch, request)? {
            Found::Nothing => {}
            Found::SameBody(_) => return Ok(Rearmed::Replayed),
            Found::OtherBody => return Ok(Rearmed::KeyReused),
        }
    }
    let Some((message, priority)) = message::by_no(batch.connection, item.message)? else {
        return Ok(Rearmed::NotFound);
    };
    if message.body().is_none() {
        return Ok(Rearmed::NoPayload);
    }
    let (queue, tries, unsent) = batch
        .connection
        .prepare_cached(
            "INSERT INTO delivery (message, endpoint, state, priority, tries, unsent, manual_due) \
             VALUES (?1, ?2, 1, ?3, 0, 0, ?4) ON CONFLICT DO UPDATE SET manual_due = ?4 \
             RETURNING queue, tries, unsent",
        )?
        .query_row(params![item.message.0, item.endpoint.0, priority.0, At(item.now)], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, small(row, 1)?, small(row, 2)?))
        })?;
    if let Some(request) = &item.idempotency {
        idempotency::keep(batch, request, Answer::Empty)?;
    }
    if let Some(told) = &item.audit {
        audit::note(batch.connection, told)?;
    }
    batch.committed.due.push(Due {
        message: Arc::new(message),
        endpoint: item.endpoint,
        trigger: Trigger::Manual,
        priority,
        due: item.now,
        queue: queue.map(QueueNo),
        tries,
        unsent,
        held_since: None,
    });
    Ok(Rearmed::Armed)
}
