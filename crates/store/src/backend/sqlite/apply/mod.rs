//! What one commit is: a plain function over a connection.
//!
//! The writer's thread calls [`apply`] with whatever waits; a simulation calls it inline, on a store in memory, and gets
//! the same result for the same input. Items do not see each other's failures: should one fail in the middle, the whole
//! transaction is taken back and done once more with a savepoint around each, which costs nothing while none fails.

use std::sync::Arc;

use ringback_model::{Clock, Random};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::accept_batch::accept_batch;
use super::advance::advance;
use super::batch::Batch;
use super::clear::clear;
use super::delivery::{accept, finish};
use super::document::{delete, put};
use super::end::end;
use super::error::{is_fatal, is_full, open_error, reason, store_error};
use super::expire::{expire, revisit};
use super::idempotency::sweep;
use super::mention::mention;
use super::notice;
use super::numbers::Counter;
use super::rearm::rearm;
use super::release::release;
use super::schema;
use super::tally;
use super::young::Young;
use crate::{
    Accept, AcceptBatch, Accepted, Advance, Advanced, BatchAccepted, Clear, Cleared, Committed, Count, Delete, End,
    Ended, Expect, Expire, Expired, Finish, Finished, MasterKey, Mention, Put, PutResult, Rearm, Rearmed, Release,
    Released, StoreError,
};

/// A write.
#[derive(Clone, Debug)]
pub enum Op {
    /// See [`crate::Store::accept`].
    Accept(Accept),
    /// See [`crate::Store::finish`].
    Finish(Finish),
    /// See [`crate::Store::rearm`].
    Rearm(Rearm),
    /// See [`crate::Store::release`].
    Release(Release),
    /// See [`crate::Store::end`].
    End(End),
    /// See [`crate::Store::advance`].
    Advance(Advance),
    /// See [`crate::Store::accept_batch`].
    AcceptBatch(AcceptBatch),
    /// See [`crate::Store::clear`].
    Clear(Clear),
    /// See [`crate::Store::tally`].
    Tally(Count),
    /// See [`crate::Store::mention`].
    Mention(Mention),
    /// See [`crate::Store::expire`].
    Expire(Expire),
    /// See [`crate::Store::revisit`].
    Revisit,
    /// See [`crate::Store::put`].
    Put(Put),
    /// See [`crate::Store::delete`].
    Delete(Delete),
    /// See [`crate::Store::forget_notices`].
    ForgetNotices(Vec<i64>),
    /// Deletes idempotency keys that have expired.
    Sweep {
        /// At most so many.
        limit: usize,
    },
    /// See [`crate::Store::ping`].
    Ping,
}

impl Op {
    /// How many messages it may add.
    pub(super) fn messages(&self) -> usize {
        match self {
            Self::Accept(_) => 1,
            Self::AcceptBatch(item) => item.items.len(),
            _ => 0,
        }
    }
}

/// What became of an [`Op`].
#[derive(Debug)]
pub enum OpResult {
    /// Of an [`Op::Accept`].
    Accept(Result<Accepted, StoreError>),
    /// Of an [`Op::Finish`].
    Finish(Result<Finished, StoreError>),
    /// Of an [`Op::Rearm`].
    Rearm(Result<Rearmed, StoreError>),
    /// Of an [`Op::Release`].
    Release(Result<Released, StoreError>),
    /// Of an [`Op::End`].
    End(Result<Ended, StoreError>),
    /// Of an [`Op::Advance`].
    Advance(Result<Advanced, StoreError>),
    /// Of an [`Op::AcceptBatch`].
    AcceptBatch(Result<BatchAccepted, StoreError>),
    /// Of an [`Op::Clear`].
    Clear(Result<Cleared, StoreError>),
    /// Of an [`Op::Tally`].
    Tally(Result<(), StoreError>),
    /// Of an [`Op::Mention`].
    Mention(Result<bool, StoreError>),
    /// Of an [`Op::Expire`].
    Expire(Result<Expired, StoreError>),
    /// Of an [`Op::Revisit`].
    Revisit(Result<(), StoreError>),
    /// Of an [`Op::Put`].
    Put(Result<PutResult, StoreError>),
    /// Of an [`Op::Delete`].
    Delete(Result<bool, StoreError>),
    /// Of an [`Op::ForgetNotices`].
    ForgetNotices(Result<(), StoreError>),
    /// Of an [`Op::Sweep`]: how many keys were deleted.
    Sweep(Result<usize, StoreError>),
    /// Of an [`Op::Ping`].
    Ping(Result<(), StoreError>),
}

/// What a writer keeps between commits.
#[derive(Debug)]
pub struct ApplyContext {
    key: MasterKey,
    random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
    messages: Counter,
    attempts: Counter,
    young: Young,
    full: bool,
    broken: Option<Arc<str>>,
}

impl ApplyContext {
    /// Begins where the store on this connection ended.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the store cannot be read, or its secrets were sealed with another key.
    pub fn new(
        connection: &Connection,
        key: MasterKey,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        schema::check_master_key(connection, &key, &*random)?;
        let counter =
            |name| Counter::load(connection, name).map_err(|error| open_error("the counters cannot be read", &error));
        let (messages, attempts) = (counter("next_message")?, counter("next_attempt")?);
        let young =
            Young::load(connection).map_err(|error| open_error("the idempotency keys cannot be read", &error))?;
        Ok(Self { key, random, clock, messages, attempts, young, full: false, broken: None })
    }

    /// Whether there are more young idempotency keys than are kept: then each commit moves some.
    pub(super) fn is_crowded(&self) -> bool {
        self.young.surplus() > 0
    }

    /// While the disk is low, new messages and documents are refused.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Why nothing is written any more, once a commit has failed.
    #[must_use]
    pub fn broken(&self) -> Option<&Arc<str>> {
        self.broken.as_ref()
    }
}

/// Why a transaction was taken back.
enum Trouble {
    /// One item failed: the others can be done without it.
    Item,
    /// There is no room on the disk.
    Full,
    /// It could not begin; it may be tried again.
    Unavailable(rusqlite::Error),
    /// It is not known what is on disk.
    Broken(rusqlite::Error),
}

/// Carries out operations in one commit: a result for each, in their order, and what the feed is to be told. When it
/// returns, what it says is durable.
pub fn apply(connection: &mut Connection, context: &mut ApplyContext, operations: &[Op]) -> (Vec<OpResult>, Committed) {
    if context.broken.is_some() {
        return all_refused(operations, || StoreError::Broken);
    }
    let mut done = commit(connection, context, operations, Isolation::Together);
    if matches!(done, Err(Trouble::Item)) {
        done = commit(connection, context, operations, Isolation::Apart);
    }
    if matches!(done, Err(Trouble::Full)) {
        // Outcomes are small and matter most: they are tried alone.
        context.full = true;
        done = commit(connection, context, operations, Isolation::Apart);
    }
    match done {
        Ok(done) => done,
        Err(Trouble::Full | Trouble::Item) => all_refused(operations, || StoreError::Full),
        Err(Trouble::Unavailable(error)) => {
            let reason = reason(&error);
            all_refused(operations, || StoreError::Unavailable { source: reason.clone().into() })
        }
        Err(Trouble::Broken(error)) => {
            context.broken = Some(reason(&error).into());
            all_refused(operations, || StoreError::Broken)
        }
    }
}

/// Whether each item has a savepoint of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Isolation {
    Together,
    Apart,
}

fn commit(
    connection: &mut Connection,
    context: &mut ApplyContext,
    operations: &[Op],
    isolation: Isolation,
) -> Result<(Vec<OpResult>, Committed), Trouble> {
    let (mut messages, mut attempts) = (context.messages.clone(), context.attempts.clone());
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(trouble_of_transaction)?;
    let accepts = operations.iter().map(Op::messages).sum();
    // Each has an attempt, and may have an earlier one.
    let finishes = 2 * operations.iter().filter(|op| matches!(op, Op::Finish(_))).count();
    messages.reserve(&transaction, accepts).map_err(trouble_of_transaction)?;
    attempts.reserve(&transaction, finishes).map_err(trouble_of_transaction)?;
    let mut batch = Batch::new(
        &transaction,
        context.clock.now(),
        (&context.key, &*context.random),
        (&mut messages, &mut attempts),
        &context.young,
    );
    let mut results = Vec::with_capacity(operations.len());
    for op in operations {
        results.push(match isolation {
            Isolation::Together => carry_out(&mut batch, op, context.full, isolation).map_err(trouble_of_item)?,
            Isolation::Apart => carry_out_apart(&mut batch, op, context.full)?,
        });
    }
    let (committed, young) = batch.into_committed();
    transaction.commit().map_err(trouble_of_commit)?;
    (context.messages, context.attempts) = (messages, attempts);
    young.apply(&mut context.young);
    Ok((results, committed))
}

/// One item. An error leaves what it has written so far to be taken back.
fn carry_out(batch: &mut Batch<'_>, op: &Op, full: bool, isolation: Isolation) -> rusqlite::Result<OpResult> {
    Ok(match op {
        Op::Accept(_) if full => OpResult::Accept(Err(StoreError::Full)),
        Op::Mention(_) if full => OpResult::Mention(Err(StoreError::Full)),
        Op::AcceptBatch(_) if full => OpResult::AcceptBatch(Err(StoreError::Full)),
        Op::Tally(_) if full => OpResult::Tally(Err(StoreError::Full)),
        // What is there may be changed: an endpoint has to be paused or disabled on a full disk of all places.
        Op::Put(item) if full && item.expect == Expect::New => OpResult::Put(Err(StoreError::Full)),
        Op::Accept(item) => OpResult::Accept(Ok(accept(batch, item)?)),
        Op::Finish(item) => OpResult::Finish(Ok(finish(batch, item)?)),
        Op::Rearm(item) => OpResult::Rearm(Ok(rearm(batch, item)?)),
        Op::Release(item) => OpResult::Release(Ok(release(batch, item)?)),
        Op::End(item) => OpResult::End(Ok(end(batch, item)?)),
        Op::Advance(item) => OpResult::Advance(Ok(advance(batch, item)?)),
        Op::AcceptBatch(item) => OpResult::AcceptBatch(Ok(accept_batch(batch, item, isolation == Isolation::Apart)?)),
        Op::Clear(item) => OpResult::Clear(Ok(clear(batch, item)?)),
        Op::Tally(item) => OpResult::Tally(Ok(tally::add(batch, item)?)),
        Op::Mention(item) => OpResult::Mention(Ok(mention(batch, item)?)),
        Op::Expire(item) => OpResult::Expire(Ok(expire(batch, item)?)),
        Op::Revisit => OpResult::Revisit(Ok(revisit(batch)?)),
        Op::Put(item) => OpResult::Put(Ok(put(batch, item)?)),
        Op::Delete(item) => OpResult::Delete(Ok(delete(batch, item)?)),
        Op::ForgetNotices(numbers) => OpResult::ForgetNotices(Ok(notice::forget(batch.connection, numbers)?)),
        Op::Sweep { limit } => OpResult::Sweep(Ok(sweep(batch, *limit)?)),
        Op::Ping => OpResult::Ping(Ok(schema::note_ping(batch.connection)?)),
    })
}

/// One item within a savepoint: when it fails, it alone is taken back.
fn carry_out_apart(batch: &mut Batch<'_>, op: &Op, full: bool) -> Result<OpResult, Trouble> {
    let (connection, mark) = (batch.connection, batch.mark());
    connection.execute_batch("SAVEPOINT item").map_err(trouble_of_transaction)?;
    match carry_out(batch, op, full, Isolation::Apart) {
        Ok(result) => {
            connection.execute_batch("RELEASE item").map_err(trouble_of_transaction)?;
            Ok(result)
        }
        // Some errors make SQLite take back the whole transaction.
        Err(error) if is_fatal(&error) || connection.is_autocommit() => Err(trouble_of_transaction(error)),
        Err(error) => {
            connection.execute_batch("ROLLBACK TO item; RELEASE item").map_err(trouble_of_transaction)?;
            batch.rewind(mark);
            Ok(refused(op, store_error(error)))
        }
    }
}

fn trouble_of_item(error: rusqlite::Error) -> Trouble {
    if is_fatal(&error) || is_full(&error) { trouble_of_transaction(error) } else { Trouble::Item }
}

fn trouble_of_transaction(error: rusqlite::Error) -> Trouble {
    if is_full(&error) {
        Trouble::Full
    } else if is_fatal(&error) {
        Trouble::Broken(error)
    } else {
        Trouble::Unavailable(error)
    }
}

fn trouble_of_commit(error: rusqlite::Error) -> Trouble {
    match error.sqlite_error_code() {
        // The log or its index had no room for the commit's last page, so the commit is not there.
        _ if is_full(&error) => Trouble::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Trouble::Unavailable(error),
        _ => Trouble::Broken(error),
    }
}

fn all_refused(operations: &[Op], error: impl Fn() -> StoreError) -> (Vec<OpResult>, Committed) {
    (operations.iter().map(|op| refused(op, error())).collect(), Committed::default())
}

fn refused(op: &Op, error: StoreError) -> OpResult {
    match op {
        Op::Accept(_) => OpResult::Accept(Err(error)),
        Op::Finish(_) => OpResult::Finish(Err(error)),
        Op::Rearm(_) => OpResult::Rearm(Err(error)),
        Op::Release(_) => OpResult::Release(Err(error)),
        Op::End(_) => OpResult::End(Err(error)),
        Op::Advance(_) => OpResult::Advance(Err(error)),
        Op::AcceptBatch(_) => OpResult::AcceptBatch(Err(error)),
        Op::Clear(_) => OpResult::Clear(Err(error)),
        Op::Tally(_) => OpResult::Tally(Err(error)),
        Op::Mention(_) => OpResult::Mention(Err(error)),
        Op::Expire(_) => OpResult::Expire(Err(error)),
        Op::Revisit => OpResult::Revisit(Err(error)),
        Op::Put(_) => OpResult::Put(Err(error)),
        Op::Delete(_) => OpResult::Delete(Err(error)),
        Op::ForgetNotices(_) => OpResult::ForgetNotices(Err(error)),
        Op::Sweep { .. } => OpResult::Sweep(Err(error)),
        Op::Ping => OpResult::Ping(Err(error)),
    }
}

#[cfg(test)]
mod tests;
