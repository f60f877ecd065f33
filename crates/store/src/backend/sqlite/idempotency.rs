//! Requests that are answered once only.
//!
//! A key is kept with a hash of the request's body and with what the answer can be rebuilt from: never the answer
//! itself. It is written in the commit of what it stands for, so that neither is there without the other.

use ringback_model::MessageId;
use rusqlite::types::{Type, Value};
use rusqlite::{OptionalExtension as _, Result, params};

use super::batch::Batch;
use super::error::unreadable;
use super::value::{At, time};
use crate::Idempotency;

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
pub(super) struct Answer(Value);

impl Answer {
    /// There is nothing to tell.
    pub(super) const fn empty() -> Self {
        Self(Value::Null)
    }

    pub(super) fn of_message(id: MessageId) -> Self {
        Self(Value::Blob(id.as_bytes().to_vec()))
    }

    pub(super) const fn of_document(no: i64) -> Self {
        Self(Value::Integer(no))
    }

    pub(super) fn message_id(&self) -> Result<MessageId> {
        match &self.0 {
            Value::Blob(bytes) => bytes.as_slice().try_into().ok().map(MessageId::from_bytes),
            _ => None,
        }
        .ok_or_else(|| unreadable(0, self.0.data_type(), "no message's id"))
    }

    pub(super) fn document_no(&self) -> Result<i64> {
        match self.0 {
            Value::Integer(no) => Ok(no),
            _ => Err(unreadable(0, Type::Integer, "no document's number")),
        }
    }
}

/// Looks up the key of a request.
pub(super) fn find(batch: &Batch<'_>, request: &Idempotency) -> Result<Found> {
    let found = batch
        .connection
        .prepare_cached("SELECT answer, body, expires_at FROM idempotency WHERE key = ?1")?
        .query_row([request.key], |row| Ok((row.get(0)?, row.get::<_, [u8; 16]>(1)?, time(row, 2)?)))
        .optional()?;
    Ok(match found {
        Some((_, _, expires_at)) if expires_at <= batch.now => Found::Nothing,
        Some((answer, body, _)) if body == request.body => Found::SameBody(Answer(answer)),
        Some(_) => Found::OtherBody,
        None => Found::Nothing,
    })
}

/// Keeps the key of a request that was carried out in this commit.
pub(super) fn keep(batch: &Batch<'_>, request: &Idempotency, answer: &Answer) -> Result<()> {
    batch
        .connection
        .prepare_cached("INSERT OR REPLACE INTO idempotency (key, body, expires_at, answer) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![request.key, request.body, At(request.expires_at), answer.0])?;
    Ok(())
}

/// Deletes keys that have expired, at most `limit`; answers how many.
pub(super) fn sweep(batch: &Batch<'_>, limit: usize) -> Result<usize> {
    batch
        .connection
        .prepare_cached(
            "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency INDEXED BY idempotency_by_expiry \
             WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![At(batch.now), i64::try_from(limit).unwrap_or(i64::MAX)])
}
