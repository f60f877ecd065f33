//! What waits for one endpoint or for all, from indexes alone.

use ringback_model::EndpointNo;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, maybe_time};
use crate::Backlog;

/// Those with a time, among them the head of each queue; those behind the heads; and the oldest of all.
const BACKLOG: &str = "SELECT due.count, queued.count, queued.queues, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM (SELECT message FROM ringback.delivery \
       WHERE endpoint = $1 AND due IS NOT NULL LIMIT $2) AS counted) due, \
      (SELECT count(*), count(DISTINCT queue) AS queues, min(message) AS first FROM (SELECT message, queue \
       FROM ringback.delivery WHERE endpoint = $1 AND queue IS NOT NULL AND state = 1 LIMIT $2) AS counted) queued";

/// The same of all endpoints.
const PENDING: &str = "SELECT due.count, queued.count, 0::bigint, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM ringback.delivery WHERE due IS NOT NULL) due, \
      (SELECT COALESCE(sum(waiting - 1), 0)::bigint AS count, min(first) AS first FROM \
        (SELECT count(*) AS waiting, min(message) AS first FROM ringback.delivery \
         WHERE queue IS NOT NULL AND state = 1 GROUP BY endpoint, queue) queue) queued";

/// See [`crate::Store::backlog`].
pub(super) async fn backlog(client: &Client, endpoint: EndpointNo, limit: u32) -> Result<Backlog> {
    // One more than that says that there are more.
    read(client, BACKLOG, &Values::default().int8(endpoint.0).int8(i64::from(limit) + 1), limit).await
}

/// See [`crate::Store::pending`].
pub(super) async fn pending(client: &Client) -> Result<Backlog> {
    read(client, PENDING, &Values::default(), u32::MAX).await
}

async fn read(client: &Client, sql: &'static str, values: &Values<'_>, limit: u32) -> Result<Backlog> {
    let rows = transaction(client, Purpose::Read, query(client, sql, values)).await?;
    let Some(row) = rows.first() else { return Ok(Backlog::default()) };
    let counted = |at| get::<i64>(row, at).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Backlog::counted(counted(0)?, (counted(1)?, counted(2)?), limit, maybe_time(row, 3)?))
}
