//! Ending one delivery without an attempt: [`end`], because somebody calls it off.

use ringback_model::Timestamp;
use tokio_postgres::types::Type;

use super::audit;
use super::connection::{Client, query};
use super::error::Result;
use super::queue;
use super::value::{Values, get};
use crate::{Due, End, Ended};

const END: &str = "\
    UPDATE ringback.delivery SET due = NULL, manual_due = NULL, held = NULL, \
      reason = CASE state WHEN 1 THEN $4 ELSE reason END, state = CASE state WHEN 1 THEN $3 ELSE state END \
    WHERE message = $1 AND endpoint = $2 AND (state = 1 OR manual_due IS NOT NULL) RETURNING 1";

/// Ends a pending delivery and lets the next one of its queue out; calls off what was asked for by hand. Within a
/// transaction; answers what has come due too.
pub(super) async fn end(client: &Client, now: Timestamp, item: &End) -> Result<(Ended, Vec<Due>)> {
    let place = || Values::default().int8(item.message.0).int8(item.endpoint.0);
    let values = place().and(i16::from(item.state.code()), Type::INT2).and(i16::from(item.reason.code()), Type::INT2);
    if query(client, END, &values).await?.is_empty() {
        let sql = "SELECT EXISTS (SELECT FROM ringback.delivery WHERE message = $1 AND endpoint = $2)";
        let rows = query(client, sql, &place()).await?;
        let exists = rows.first().map(|row| get::<bool>(row, 0)).transpose()?.unwrap_or(false);
        return Ok((if exists { Ended::NotPending } else { Ended::NotFound }, Vec::new()));
    }
    if let Some(told) = &item.audit {
        audit::note(client, told).await?;
    }
    let due = queue::let_next_out(client, now, &[(item.message, item.endpoint)]).await?;
    Ok((Ended::Ended, due))
}
