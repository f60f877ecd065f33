//! Acceptance of many messages that came in one request: [`accept_batch`].

use rusqlite::Result;

use super::batch::Batch;
use super::delivery::accept;
use super::error::{is_fatal, is_full, store_error};
use super::idempotency::{self, Answer, Found};
use crate::{Accept, AcceptBatch, Accepted, BatchAccepted, StoreError};

/// Keeps messages and the one key of their request. Where something is known to fail (`apart`), each has a savepoint.
pub(super) fn accept_batch(batch: &mut Batch<'_>, item: &AcceptBatch, apart: bool) -> Result<BatchAccepted> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(batch, request)? {
            Found::Nothing => {}
            Found::SameBody(answer) => return Ok(BatchAccepted::Replayed { before: answer.message_id()? }),
            Found::OtherBody => return Ok(BatchAccepted::KeyReused),
        }
    }
    if batch.version_of(item.app)? != item.app_version {
        return Ok(BatchAccepted::Stale);
    }
    let mut results = Vec::with_capacity(item.items.len());
    for message in &item.items {
        results.push(if apart { accept_apart(batch, message)? } else { Ok(accept(batch, message)?) });
    }
    if let Some(request) = &item.idempotency {
        idempotency::keep(batch, request, Answer::Message(item.before))?;
    }
    Ok(BatchAccepted::Done(results))
}

/// One message, which alone is taken back when it fails.
fn accept_apart(batch: &mut Batch<'_>, message: &Accept) -> Result<std::result::Result<Accepted, StoreError>> {
    let (connection, mark) = (batch.connection, batch.mark());
    connection.execute_batch("SAVEPOINT message")?;
    match accept(batch, message) {
        Ok(accepted) => {
            connection.execute_batch("RELEASE message")?;
            Ok(Ok(accepted))
        }
        Err(error) if is_fatal(&error) || is_full(&error) || connection.is_autocommit() => Err(error),
        Err(error) => {
            connection.execute_batch("ROLLBACK TO message; RELEASE message")?;
            batch.rewind(mark);
            Ok(Err(store_error(error)))
        }
    }
}
