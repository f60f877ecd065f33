//! The deliveries of a message, as people ask for them.

use ringback_model::{Delivery, DeliveryState, EndpointNo, MessageNo, Reason};
use rusqlite::{Connection, Result, Row};

use super::value::{coded, maybe_time};

/// See [`crate::Store::deliveries`].
pub(super) fn deliveries(connection: &Connection, message: MessageNo) -> Result<Vec<Delivery>> {
    connection
        .prepare_cached(
            "SELECT message, endpoint, state, reason, due, manual_due, queue, held FROM delivery WHERE message = ?1 \
             ORDER BY endpoint",
        )?
        .query_map([message.0], read)?
        .collect()
}

fn read(row: &Row<'_>) -> Result<Delivery> {
    let (schedule, by_hand) = (maybe_time(row, 4)?, maybe_time(row, 5)?);
    let queue: Option<i64> = row.get(6)?;
    let mut delivery = Delivery {
        message: MessageNo(row.get(0)?),
        endpoint: EndpointNo(row.get(1)?),
        state: coded(row, 2, DeliveryState::from_code)?,
        reason: row.get::<_, Option<i64>>(3)?.and_then(Reason::from_code),
        due: schedule.into_iter().chain(by_hand).min(),
        blocked: false,
        held: false,
    };
    match delivery.state {
        DeliveryState::Pending => {
            delivery.blocked = queue.is_some() && schedule.is_none();
            // One that is asked for by hand goes at once all the same.
            delivery.held = row.get::<_, Option<i64>>(7)?.is_some() && by_hand.is_none();
        }
        // A failure is final until somebody resends it.
        DeliveryState::Fail | DeliveryState::Canceled if by_hand.is_some() => {
            delivery.state = DeliveryState::Pending;
            delivery.reason = None;
        }
        DeliveryState::Success | DeliveryState::Fail | DeliveryState::Canceled | DeliveryState::Sending => {}
    }
    Ok(delivery)
}
