//! Acceptance of many messages that came in one request: [`accept_batch`].

use ringback_model::{EndpointNo, Timestamp};

use super::accept::{Outcome, accept};
use super::connection::{Client, query};
use super::error::{Result, Trouble};
use super::idempotency::{self, Answer, Found};
use super::polled;
use super::queue::{hold_heads, lock};
use super::value::Values;
use crate::{Accept, AcceptBatch, Accepted, BatchAccepted, Due, QueueNo, StoreError};

/// What stands behind others of its queue, for the feed.
type Queued = Vec<(EndpointNo, QueueNo)>;

/// Keeps messages and the one key of their request, within a transaction; answers what has come due, and what has not,
/// too.
pub(super) async fn accept_batch(
    client: &Client,
    now: Timestamp,
    item: &AcceptBatch,
) -> Result<(BatchAccepted, Vec<Due>, Queued)> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(client, now, request).await? {
            Found::Nothing => {}
            Found::SameBody(answer) => {
                return Ok((BatchAccepted::Replayed { before: answer.message_id()? }, Vec::new(), Vec::new()));
            }
            Found::OtherBody => return Ok((BatchAccepted::KeyReused, Vec::new(), Vec::new())),
        }
    }
    let messages: Vec<&Accept> = item.items.iter().collect();
    lock(client, &messages).await?;
    hold_heads(client, &messages).await?;
    let (results, due, queued) = accept_together_or_apart(client, now, &messages).await?;
    // All go by one version of one application, which is locked.
    if results.iter().any(|result| matches!(result, Ok(Accepted::Stale))) {
        return Ok((BatchAccepted::Stale, Vec::new(), Vec::new()));
    }
    polled::note(client, &messages).await?;
    if let Some(request) = &item.idempotency {
        idempotency::keep(client, now, request, Answer::of_message(item.before)).await?;
    }
    Ok((BatchAccepted::Done(results), due, queued))
}

/// In one statement; where something in it cannot be written, each message in one of its own.
async fn accept_together_or_apart(
    client: &Client,
    now: Timestamp,
    messages: &[&Accept],
) -> Result<(Vec<Result<Accepted, StoreError>>, Vec<Due>, Queued)> {
    if let Ok(Outcome { results, due, queued }) = accept_or_take_back(client, now, messages).await? {
        return Ok((results.into_iter().map(Ok).collect(), due, queued));
    }
    let (mut results, mut due, mut queued) = (Vec::with_capacity(messages.len()), Vec::new(), Vec::new());
    for message in messages {
        match accept_or_take_back(client, now, &[message]).await? {
            Ok(outcome) => {
                results.extend(outcome.results.into_iter().map(Ok));
                due.extend(outcome.due);
                queued.extend(outcome.queued);
            }
            Err(error) => results.push(Err(error)),
        }
    }
    Ok((results, due, queued))
}

/// Accepts messages behind a savepoint: an error of theirs takes them back and leaves the transaction usable.
async fn accept_or_take_back(
    client: &Client,
    now: Timestamp,
    messages: &[&Accept],
) -> Result<Result<Outcome, StoreError>> {
    query(client, "SAVEPOINT messages", &Values::default()).await?;
    match accept(client, now, messages).await {
        Ok(outcome) => {
            query(client, "RELEASE SAVEPOINT messages", &Values::default()).await?;
            Ok(Ok(outcome))
        }
        Err(error) if error.trouble() == Trouble::Refused && error.is_of_the_values() => {
            query(client, "ROLLBACK TO SAVEPOINT messages", &Values::default()).await?;
            Ok(Err(error.into()))
        }
        Err(error) => Err(error),
    }
}
