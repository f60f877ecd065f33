//! Which endpoints have work: a skip scan, in time proportional to endpoints.

use ringback_model::EndpointNo;
use tokio_postgres::Client;

use super::connection::{Purpose, query, transaction};
use super::error::Result;
use super::health;
use super::value::{Values, get, limit};
use crate::LaneStart;

/// The next endpoint above a given one; blocked deliveries need no look, for the head of their queue is due.
macro_rules! next {
    ($above:literal) => {
        concat!(
            "LEAST((SELECT endpoint FROM ringback.delivery WHERE endpoint > ",
            $above,
            " AND due IS NOT NULL ORDER BY endpoint LIMIT 1), \
             (SELECT endpoint FROM ringback.delivery WHERE endpoint > ",
            $above,
            " AND manual_due IS NOT NULL ORDER BY endpoint LIMIT 1), \
             (SELECT endpoint FROM ringback.health WHERE endpoint > ",
            $above,
            " ORDER BY endpoint LIMIT 1))"
        )
    };
}

const LANES: &str = concat!(
    "WITH RECURSIVE lane (endpoint) AS (SELECT ",
    next!("$1"),
    " UNION ALL SELECT ",
    next!("lane.endpoint"),
    " FROM lane WHERE lane.endpoint IS NOT NULL) \
     SELECT lane.endpoint, health.failing_since, health.probe_at, health.probe_wait, \
       EXISTS (SELECT FROM ringback.delivery d WHERE d.endpoint = lane.endpoint AND d.held IS NOT NULL) \
     FROM (SELECT endpoint FROM lane WHERE endpoint IS NOT NULL LIMIT $2) lane \
     LEFT JOIN ringback.health ON health.endpoint = lane.endpoint"
);

/// See [`crate::Store::lanes`].
pub(super) async fn lanes(client: &Client, after: EndpointNo, count: usize) -> Result<Vec<LaneStart>> {
    let values = Values::default().int8(after.0).int8(limit(count));
    let rows = transaction(client, Purpose::Read, query(client, LANES, &values)).await?;
    let mut lanes = rows
        .iter()
        .map(|row| {
            Ok(LaneStart { endpoint: EndpointNo(get(row, 0)?), health: health::read(row, 1)?, held: get(row, 4)? })
        })
        .collect::<Result<Vec<_>>>()?;
    lanes.sort_unstable_by_key(|lane| lane.endpoint);
    Ok(lanes)
}
