//! What waits for one endpoint or for all, from indexes alone.

use ringback_model::EndpointNo;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, maybe_time};
use crate::Backlog;

/// Those with a time, among them the head of each queue; those behind the heads; and the oldest of all.
const BACKLOG: &str = "SELECT due.count + queued.count, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM ringback.delivery WHERE endpoint = $1 AND due IS NOT NULL) due, \
      (SELECT count(*) - count(DISTINCT queue) AS count, min(message) AS first FROM ringback.delivery \
       WHERE endpoint = $1 AND queue IS NOT NULL AND state = 1) queued";

/// The same of all endpoints.
const PENDING: &str = "SELECT due.count + queued.count, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM ringback.delivery WHERE due IS NOT NULL) due, \
      (SELECT COALESCE(sum(waiting - 1), 0)::bigint AS count, min(first) AS first FROM \
        (SELECT count(*) AS waiting, min(message) AS first FROM ringback.delivery \
         WHERE queue IS NOT NULL AND state = 1 GROUP BY endpoint, queue) queue) queued";

/// See [`crate::Store::backlog`].
pub(super) async fn backlog(client: &Client, endpoint: EndpointNo) -> Result<Backlog> {
    read(client, BACKLOG, &Values::default().int8(endpoint.0)).await
}

/// See [`crate::Store::pending`].
pub(super) async fn pending(client: &Client) -> Result<Backlog> {
    read(client, PENDING, &Values::default()).await
}

async fn read(client: &Client, sql: &'static str, values: &Values<'_>) -> Result<Backlog> {
    let rows = transaction(client, Purpose::Read, query(client, sql, values)).await?;
    let Some(row) = rows.first() else { return Ok(Backlog::default()) };
    let pending: i64 = get(row, 0)?;
    Ok(Backlog { pending: u64::try_from(pending).unwrap_or(0), oldest: maybe_time(row, 1)? })
}
