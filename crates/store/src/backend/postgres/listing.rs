//! The deliveries of a message, and those of an endpoint, as people ask for them.

use ringback_model::{Delivery, DeliveryState, EndpointNo, MessageId, MessageNo, Reason};
use tokio_postgres::Row;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::message::{narrow_to_page, source};
use super::stretch;
use super::value::{Search, Values, coded, get, maybe_time};
use crate::query::is_in;
use crate::{EndpointDeliveryQuery, Hits};

/// What [`read`] expects, of `delivery d`.
const COLUMNS: &str = "d.message, d.endpoint, d.state, d.reason, d.due, d.manual_due, d.queue, d.held";

/// See [`crate::Store::deliveries`].
pub(super) async fn deliveries(client: &Client, message: MessageNo) -> Result<Vec<Delivery>> {
    let sql = format!("SELECT {COLUMNS} FROM ringback.delivery d WHERE d.message = $1 ORDER BY d.endpoint");
    let values = Values::default().int8(message.0);
    transaction(client, Purpose::Search, query(client, &sql, &values)).await?.iter().map(read).collect()
}

/// See [`crate::Store::endpoint_deliveries`].
pub(super) async fn endpoint_deliveries(
    client: &Client,
    asked: &EndpointDeliveryQuery,
) -> Result<Hits<Delivery, MessageId>> {
    // In the order of messages, each with a look for its delivery: an index of what has ended would cost each message.
    let (from, app) = source(&asked.messages);
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} JOIN ringback.delivery d ON d.message = m.no AND d.endpoint = $1 WHERE {app} = $2"
    );
    let mut search = Search::new(sql, Values::default().int8(asked.endpoint.0).int8(asked.messages.app.0));
    if let Some(state) = asked.state {
        search.and_plain(&is_in(state));
    }
    narrow_to_page(&mut search, &asked.messages);
    let limit = asked.messages.paging.limit;
    let (rows, horizon) = transaction(client, Purpose::Search, async {
        // Not all messages go to each endpoint, and few are in some states.
        let stretch = stretch::of_messages_narrowed(client, &asked.messages).await?;
        search.and_within(&stretch);
        let (sql, values) = search.finish(&stretch.order(), limit);
        Ok((query(client, &sql, &values).await?, stretch.horizon))
    })
    .await?;
    Ok(Hits::new(rows.iter().map(read).collect::<Result<_>>()?, limit, horizon))
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
