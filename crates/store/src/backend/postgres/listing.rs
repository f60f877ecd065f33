//! The deliveries of a message, as people ask for them.

use ringback_model::{Delivery, DeliveryState, EndpointNo, MessageNo, Reason};
use tokio_postgres::{Client, Row};

use super::connection::{Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, coded, get, maybe_time};

/// See [`crate::Store::deliveries`].
pub(super) async fn deliveries(client: &Client, message: MessageNo) -> Result<Vec<Delivery>> {
    let sql = "SELECT message, endpoint, state, reason, due, manual_due, queue, held FROM ringback.delivery \
               WHERE message = $1 ORDER BY endpoint";
    let values = Values::default().int8(message.0);
    transaction(client, Purpose::Search, query(client, sql, &values)).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Delivery> {
    let (schedule, by_hand) = (maybe_time(row, 4)?, maybe_time(row, 5)?);
    let queue: Option<i64> = get(row, 6)?;
    let mut delivery = Delivery {
        message: MessageNo(get(row, 0)?),
        endpoint: EndpointNo(get(row, 1)?),
        state: coded(row, 2, DeliveryState::from_code)?,
        reason: get::<Option<i16>>(row, 3)?.map(i64::from).and_then(Reason::from_code),
        due: schedule.into_iter().chain(by_hand).min(),
        blocked: false,
        held: false,
    };
    match delivery.state {
        DeliveryState::Pending => {
            delivery.blocked = queue.is_some() && schedule.is_none();
            // One that is asked for by hand goes at once all the same.
            delivery.held = get::<Option<i64>>(row, 7)?.is_some() && by_hand.is_none();
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
