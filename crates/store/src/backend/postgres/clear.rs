//! Ending pending deliveries without an attempt: [`clear`], for endpoints that were deleted or emptied.

use std::collections::BTreeSet;

use ringback_model::{EndpointNo, MessageNo, Reason, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{Client, query};
use super::error::Result;
use super::value::{Values, get, limit};
use super::{document, health, queue};
use crate::{Clear, Cleared, Due};

/// Where the pending deliveries of an endpoint are found. Queues come first and from their ends, so that the one that
/// is due is the last of its queue to go: what is left has its head.
const PENDING: [&str; 3] = [
    "endpoint = $1 AND message <= $5 AND queue IS NOT NULL AND state = 1 ORDER BY queue DESC, message DESC",
    "endpoint = $1 AND message <= $5 AND due IS NOT NULL",
    // Those that have ended and were asked for again keep the state that they ended in.
    "endpoint = $1 AND message <= $5 AND manual_due IS NOT NULL",
];

/// Ends pending deliveries of an endpoint, at most as many as asked for, and calls off what was asked for by hand. Within
/// a transaction; answers what has come due too.
pub(super) async fn clear(client: &Client, now: Timestamp, item: &Clear) -> Result<(Cleared, Vec<Due>)> {
    if item.reason == Reason::EndpointDeleted && document::lives(client, item.endpoint.0).await? {
        return Ok((Cleared { count: 0, lives: true }, Vec::new()));
    }
    let mut ended: BTreeSet<MessageNo> = BTreeSet::new();
    for condition in PENDING {
        let left = limit(item.limit - ended.len().min(item.limit));
        let sql = format!(
            "UPDATE ringback.delivery d SET due = NULL, manual_due = NULL, held = NULL, \
             reason = CASE d.state WHEN 1 THEN $4 ELSE d.reason END, state = CASE d.state WHEN 1 THEN $3 ELSE d.state END \
             FROM (SELECT message FROM ringback.delivery WHERE {condition} LIMIT $2) found \
             WHERE d.message = found.message AND d.endpoint = $1 RETURNING d.message"
        );
        let values = Values::default()
            .int8(item.endpoint.0)
            .int8(left)
            .and(i16::from(item.state.code()), Type::INT2)
            .and(i16::from(item.reason.code()), Type::INT2)
            .int8(item.upto.map_or(i64::MAX, |upto| upto.0));
        for row in query(client, &sql, &values).await? {
            ended.insert(MessageNo(get(&row, 0)?));
        }
    }
    if ended.len() < item.limit && item.reason == Reason::EndpointDeleted {
        // Nothing is left of it, so a start need not find it because it was failing.
        health::forget(client, item.endpoint).await?;
    }
    // A follower may have been accepted while its head was being ended: it has to be let out.
    let ended_here: Vec<(MessageNo, EndpointNo)> = ended.iter().map(|message| (*message, item.endpoint)).collect();
    let due = queue::let_next_out(client, now, &ended_here).await?;
    Ok((Cleared { count: ended.len(), lives: false }, due))
}
