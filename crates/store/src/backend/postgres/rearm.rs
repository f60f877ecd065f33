//! Resends: [`rearm`], one more attempt of a delivery because somebody asked for it.

use std::sync::Arc;

use ringback_model::{Timestamp, Trigger};
use tokio_postgres::types::Type;

use super::audit;
use super::connection::{Client, query};
use super::error::{Result, SqlError};
use super::idempotency::{self, Answer, Found};
use super::message;
use super::value::{Values, get, small};
use crate::{Due, QueueNo, Rearm, Rearmed};

/// Makes a delivery due by hand: beside its schedule, whatever its state, and past its queue. If the message was never
/// meant for the endpoint, the delivery is made, with no schedule of its own. Within a transaction; answers what has come
/// due too.
pub(super) async fn rearm(client: &Client, now: Timestamp, item: &Rearm) -> Result<(Rearmed, Option<Due>)> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(client, now, request).await? {
            Found::Nothing => {}
            Found::SameBody(_) => return Ok((Rearmed::Replayed, None)),
            Found::OtherBody => return Ok((Rearmed::KeyReused, None)),
        }
    }
    let Some((message, priority)) = message::by_no(client, item.message).await? else {
        return Ok((Rearmed::NotFound, None));
    };
    if message.body().is_none() {
        return Ok((Rearmed::NoPayload, None));
    }
    let sql = "INSERT INTO ringback.delivery AS d (message, endpoint, state, priority, tries, unsent, manual_due) \
               VALUES ($1, $2, 1, $3, 0, 0, $4) ON CONFLICT (message, endpoint) DO UPDATE SET manual_due = $4 \
               RETURNING d.queue, d.tries, d.unsent";
    let values = Values::default()
        .int8(item.message.0)
        .int8(item.endpoint.0)
        .and(i16::from(priority.0), Type::INT2)
        .int8(item.now.as_micros());
    let rows = query(client, sql, &values).await?;
    let row = rows.first().ok_or_else(|| SqlError::unreadable("delivery", "it was not returned"))?;
    let (queue, tries, unsent) = (get::<Option<i64>>(row, 0)?.map(QueueNo), small(row, 1)?, small(row, 2)?);
    if let Some(request) = &item.idempotency {
        idempotency::keep(client, now, request, Answer::empty()).await?;
    }
    if let Some(told) = &item.audit {
        audit::note(client, told).await?;
    }
    let due = Due {
        message: Arc::new(message),
        endpoint: item.endpoint,
        trigger: Trigger::Manual,
        priority,
        due: item.now,
        queue,
        tries,
        unsent,
        held_since: None,
    };
    Ok((Rearmed::Armed, Some(due)))
}
