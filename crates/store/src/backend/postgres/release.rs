//! Making held deliveries due: [`release`], when whatever kept requests from being made of them may have changed.

use ringback_model::Timestamp;

use super::connection::{Client, query};
use super::error::Result;
use super::value::{Values, limit};
use crate::{Release, Released};

/// Makes held deliveries of an endpoint due. They keep the mark and the time since which they are held: only another
/// attempt can take it from them, and how long they may hold up others counts from the first. Within a transaction.
pub(super) async fn release(client: &Client, now: Timestamp, item: &Release) -> Result<Released> {
    let sql = "UPDATE ringback.delivery d SET due = $2 FROM (SELECT message FROM ringback.delivery \
                 WHERE endpoint = $1 AND held IS NOT NULL AND due > $2 ORDER BY due, message LIMIT $3) found \
               WHERE d.message = found.message AND d.endpoint = $1 AND d.held IS NOT NULL AND d.due > $2 \
               RETURNING d.message";
    let values = Values::default().int8(item.endpoint.0).int8(now.as_micros()).int8(limit(item.limit));
    Ok(Released { count: query(client, sql, &values).await?.len() })
}
