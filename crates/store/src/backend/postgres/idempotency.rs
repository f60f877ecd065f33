//! Requests that are answered once only.
//!
//! A key is kept with a hash of the request's body and with what the answer can be rebuilt from: never the answer
//! itself. It is written in the commit of what it stands for, so that neither is there without the other. Of two that
//! come with the same key at once the second collides in its commit ([`keep`]), is done anew, and then finds the first.

use ringback_model::{MessageId, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{Client, query};
use super::error::{Result, SqlError};
use super::value::{Values, get, limit};
use crate::Idempotency;

/// What a key that is in use does to an insert of it: it is replaced when its time is over. When it is not, the body
/// becomes nothing, which no row may have: so the statement fails, and with it all that the key was to stand for.
macro_rules! replace_expired {
    ($now:literal) => {
        concat!(
            "ON CONFLICT (key) DO UPDATE SET body = CASE WHEN idempotency.expires_at <= ",
            $now,
            " THEN excluded.body END, expires_at = excluded.expires_at, answer = excluded.answer"
        )
    };
}
pub(super) use replace_expired;

/// What stands under a key.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing that is still valid.
    Nothing,
    /// The same request: what its answer is made of.
    SameBody(Answer),
    /// Another request.
    OtherBody,
}

/// What an answer is rebuilt from: a message's id, a document's number, or nothing.
#[derive(Debug)]
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// There is nothing to tell.
    pub(super) const fn empty() -> Self {
        Self(Vec::new())
    }

    pub(super) fn of_message(id: MessageId) -> Self {
        Self(id.as_bytes().to_vec())
    }

    pub(super) fn of_document(no: i64) -> Self {
        Self(no.to_be_bytes().to_vec())
    }

    pub(super) fn message_id(&self) -> Result<MessageId> {
        let bytes = self.0.as_slice().try_into().map_err(|error| SqlError::unreadable("answer", error))?;
        Ok(MessageId::from_bytes(bytes))
    }

    pub(super) fn document_no(&self) -> Result<i64> {
        let bytes = self.0.as_slice().try_into().map_err(|error| SqlError::unreadable("answer", error))?;
        Ok(i64::from_be_bytes(bytes))
    }
}

impl Found {
    /// What a body and an answer that were found say to this request.
    pub(super) fn new(request: &Idempotency, body: &[u8], answer: Vec<u8>) -> Self {
        if body == request.body { Self::SameBody(Answer(answer)) } else { Self::OtherBody }
    }
}

/// Looks up the key of a request.
pub(super) async fn find(client: &Client, now: Timestamp, request: &Idempotency) -> Result<Found> {
    let sql = "SELECT body, answer FROM ringback.idempotency WHERE key = $1 AND expires_at > $2";
    let values = Values::default().and(request.key.to_vec(), Type::BYTEA).int8(now.as_micros());
    let rows = query(client, sql, &values).await?;
    let Some(row) = rows.first() else { return Ok(Found::Nothing) };
    Ok(Found::new(request, &get::<Vec<u8>>(row, 0)?, get(row, 1)?))
}

/// Keeps the key of a request that is carried out in this transaction.
pub(super) async fn keep(client: &Client, now: Timestamp, request: &Idempotency, answer: Answer) -> Result<()> {
    let sql = concat!(
        "INSERT INTO ringback.idempotency AS idempotency (key, body, expires_at, answer) VALUES ($2, $3, $4, $5) ",
        replace_expired!("$1")
    );
    let values = Values::default()
        .int8(now.as_micros())
        .and(request.key.to_vec(), Type::BYTEA)
        .and(request.body.to_vec(), Type::BYTEA)
        .int8(request.expires_at.as_micros())
        .and(answer.0, Type::BYTEA);
    query(client, sql, &values).await.map(drop)
}

/// Deletes keys that have expired, at most `count`; answers how many.
pub(super) async fn sweep(client: &Client, now: Timestamp, count: usize) -> Result<usize> {
    // Rows that another node sweeps at this moment are left to it.
    let sql = "DELETE FROM ringback.idempotency WHERE key IN (SELECT key FROM ringback.idempotency \
               WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1";
    let rows = query(client, sql, &Values::default().int8(now.as_micros()).int8(limit(count))).await?;
    Ok(rows.len())
}
