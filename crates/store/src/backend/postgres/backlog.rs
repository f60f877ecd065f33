//! What waits for one endpoint, from indexes alone.

use ringback_model::EndpointNo;
use tokio_postgres::Client;

use super::connection::{Purpose, query, transaction};
use super::error::Result;
use super::value::{Values, get, maybe_time};
use crate::Backlog;

/// Those with a time, among them the head of each queue; those behind the heads; and the oldest of all.
const BACKLOG: &str = "SELECT due.count + queued.count, \
      (SELECT accepted_at FROM ringback.message WHERE no = LEAST(due.first, queued.first)) \
    FROM (SELECT count(*), min(message) AS first FROM ringback.delivery WHERE endpoint = $1 AND due IS NOT NULL) due, \
      (SELECT count(*) - count(DISTINCT queue) AS count, min(message) AS first FROM ringback.delivery \
       WHERE endpoint = $1 AND queue IS NOT NULL AND state = 1) queued";

/// See [`crate::Store::backlog`].
pub(super) async fn backlog(client: &Client, endpoint: EndpointNo) -> Result<Backlog> {
    let values = Values::default().int8(endpoint.0);
    let rows = transaction(client, Purpose::Read, query(client, BACKLOG, &values)).await?;
    let Some(row) = rows.first() else { return Ok(Backlog::default()) };
    let pending: i64 = get(row, 0)?;
    Ok(Backlog { pending: u64::try_from(pending).unwrap_or(0), oldest: maybe_time(row, 1)? })
}
