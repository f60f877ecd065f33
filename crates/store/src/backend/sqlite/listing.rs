//! The deliveries of a message, and those of an endpoint, as people ask for them.

use ringback_model::{Delivery, DeliveryState, EndpointNo, MessageId, MessageNo, Reason};
use rusqlite::{Connection, Result, Row, params_from_iter};

use super::message::{narrow_to_page, source};
use super::stretch;
use super::value::{Search, coded, maybe_time};
use crate::query::is_in;
use crate::{EndpointDeliveryQuery, Hits};

/// What [`read`] expects, of `delivery d`.
const COLUMNS: &str = "d.message, d.endpoint, d.state, d.reason, d.due, d.manual_due, d.queue, d.held";

/// See [`crate::Store::deliveries`].
pub(super) fn deliveries(connection: &Connection, message: MessageNo) -> Result<Vec<Delivery>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM delivery d WHERE d.message = ?1 ORDER BY d.endpoint"))?
        .query_map([message.0], read)?
        .collect()
}

/// See [`crate::Store::endpoint_deliveries`].
pub(super) fn endpoint_deliveries(
    connection: &Connection,
    query: &EndpointDeliveryQuery,
) -> Result<Hits<Delivery, MessageId>> {
    // Not all messages go to each endpoint, and few are in some states.
    let stretch = stretch::of_messages_narrowed(connection, &query.messages)?;
    // In the order of messages, each with a look for its delivery: an index of what has ended would cost each message.
    let (from, app) = source(&query.messages);
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} CROSS JOIN delivery d ON d.message = m.no AND d.endpoint = ? WHERE {app} = ?"
    );
    let mut search = Search::new(sql, vec![query.endpoint.0.into(), query.messages.app.0.into()]);
    if let Some(state) = query.state {
        search.and_plain(&is_in(state));
    }
    search.and_within(&stretch);
    narrow_to_page(&mut search, &query.messages);
    let limit = query.messages.paging.limit;
    let (sql, values) = search.finish(&stretch.order(), limit);
    let items = connection.prepare_cached(&sql)?.query_map(params_from_iter(values), read)?.collect::<Result<_>>()?;
    Ok(Hits::new(items, limit, stretch.horizon))
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
