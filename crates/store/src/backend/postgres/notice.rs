//! What was noticed and is still to be told.

use ringback_model::Notice;

use super::connection::{Client, Purpose, query, transaction};
use super::error::{Result, SqlError};
use super::value::{Values, get, limit};
use crate::Noticed;
use crate::notice::to_text;

/// Keeps notices beside what they are about. Within a transaction.
pub(super) async fn note(client: &Client, notices: &[Notice]) -> Result<()> {
    if notices.is_empty() {
        return Ok(());
    }
    let texts: Vec<_> = notices.iter().map(to_text).collect();
    let sql = "INSERT INTO ringback.notice (body) \
               SELECT body FROM unnest($1::text[]) WITH ORDINALITY AS item (body, at) ORDER BY at";
    query(client, sql, &Values::default().texts(texts.iter().map(|text| Some(text.as_str())))).await.map(drop)
}

/// See [`crate::Store::notices`].
pub(super) async fn notices(client: &Client, most: usize) -> Result<Vec<Noticed>> {
    let sql = "SELECT no, body FROM ringback.notice ORDER BY no LIMIT $1";
    let rows = transaction(client, Purpose::Read, query(client, sql, &Values::default().int8(limit(most)))).await?;
    let read = |row: &tokio_postgres::Row| {
        let body: String = get(row, 1)?;
        let notice = serde_json::from_str(&body).map_err(|error| SqlError::unreadable("notice", error))?;
        Ok(Noticed { no: get(row, 0)?, notice })
    };
    rows.iter().map(read).collect()
}

/// See [`crate::Store::forget_notices`]. Within a transaction; what another node forgets at the same time is left to it.
pub(super) async fn forget(client: &Client, numbers: &[i64]) -> Result<()> {
    let sql = "DELETE FROM ringback.notice WHERE no IN \
               (SELECT no FROM ringback.notice WHERE no = ANY ($1::bigint[]) ORDER BY no FOR UPDATE SKIP LOCKED)";
    query(client, sql, &Values::default().int8s(numbers.iter().copied())).await.map(drop)
}
