//! The facts that must not be lost: [`accept`], [`take`], [`finish`].
//!
//! A delivery is one row from its acceptance on. While it is pending it has a due time, in an index by endpoint, priority
//! and time; or it waits in the queue of its ordering key behind an earlier one (`queue.rs`). `accept` makes it, `take`
//! finds it when it is due and writes nothing, `finish` records an attempt and what becomes of it (`progress.rs`). What goes
//! in one request with the head of its queue is found by [`follow`].

use std::collections::HashSet;
use std::sync::Arc;

use ringback_model::{DeliveryState, EndpointNo, MessageNo, Priority, Reason, Timestamp, Trigger};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, Statement, params};

use super::batch::Batch;
use super::error::store_error;
use super::hot::Hot;
use super::idempotency::{self, Found};
use super::message::{WHOLE, read_whole, whole};
use super::progress::Progress;
use super::value::{At, coded, maybe_time, small, time};
use super::{attempt, health, message, notice, polled, queue};
use crate::backend::followers::Followers;
use crate::backend::share;
use crate::{
    Accept, Accepted, Due, Finish, Finished, Follow, Followed, QueueNo, Settled, Step, StoreError, Take, Taken,
};

/// Keeps a message, its deliveries and its idempotency key, and notes the deliveries that are due for the feed.
pub(super) fn accept(batch: &mut Batch<'_>, item: &Accept) -> Result<Accepted> {
    if let Some(request) = &item.idempotency {
        match idempotency::find(batch, request)? {
            Found::Nothing => {}
            Found::SameBody(answer) => return Ok(Accepted::Replayed { id: answer.message_id()? }),
            Found::OtherBody => return Ok(Accepted::KeyReused),
        }
    }
    if let Some(event_id) = &item.message.event_id
        && message::has_event_id(batch.connection, item.app, event_id)?
    {
        return Ok(Accepted::EventIdTaken);
    }
    if batch.version_of(item.app)? != item.app_version {
        return Ok(Accepted::Stale);
    }
    let no = MessageNo(batch.messages.draw());
    message::insert(batch, no, item)?;
    if let Some(request) = &item.idempotency {
        idempotency::keep(batch, request, idempotency::Answer::Message(item.message.id))?;
    }
    polled::note(batch.connection, no, &item.pollers)?;
    accept_deliveries(batch, no, item)?;
    Ok(Accepted::New { no })
}

/// One delivery for each target: due at once or when its message is, unless its queue is occupied.
fn accept_deliveries(batch: &mut Batch<'_>, no: MessageNo, item: &Accept) -> Result<()> {
    let shared = std::cell::OnceCell::new();
    let due = item.message.deliver_at.map_or(batch.now, |at| at.max(batch.now));
    for target in &item.targets {
        let blocked = match target.queue {
            Some(queue) => queue::is_occupied(batch, target.endpoint, queue)?,
            None => false,
        };
        let queue = target.queue.map(|queue| queue.0);
        let at = (!blocked).then_some(At(due));
        let priority = item.priority_at(target);
        batch.hot(Hot::InsertDelivery)?.execute(params![no.0, target.endpoint.0, priority.0, at, queue])?;
        if blocked {
            batch.committed.queued.extend(target.queue.map(|queue| (target.endpoint, queue)));
        } else {
            let due = Due {
                message: Arc::clone(shared.get_or_init(|| Arc::new(item.message_as(no)))),
                endpoint: target.endpoint,
                trigger: Trigger::Scheduled,
                priority,
                due,
                queue: target.queue,
                tries: 0,
                unsent: 0,
                held_since: None,
            };
            batch.committed.come_due([due], batch.now);
        }
    }
    Ok(())
}

/// Records an attempt, the health of its endpoint, and what becomes of its delivery. Ended, it lets the next one of its
/// queue out.
pub(super) fn finish(batch: &mut Batch<'_>, item: &Finish) -> Result<Finished> {
    let finished = record(batch, item)?;
    if let (Finished::Recorded, Some(told)) = (finished, &item.notice) {
        notice::note(batch.connection, told)?;
    }
    Ok(finished)
}

fn record(batch: &mut Batch<'_>, item: &Finish) -> Result<Finished> {
    attempt::insert(batch, item)?;
    if let Some(health) = &item.health {
        health::write(batch.connection, item.endpoint, health)?;
    }
    let trigger = item.attempt.trigger;
    batch.committed.settled.push(Settled { message: item.message, endpoint: item.endpoint, trigger });
    if is_first_success(item) && batch.hot(Hot::EndDelivery)?.execute([item.message.0, item.endpoint.0])? == 1 {
        return Ok(Finished::Recorded);
    }
    let Some(before) = progress(batch.connection, item.message, item.endpoint)? else {
        return Ok(Finished::Superseded);
    };
    let mut after = before;
    let finished = after.take(trigger, item.attempt.started_at, item.step);
    if after != before {
        write_progress(batch.connection, item.message, item.endpoint, &after)?;
    }
    if let Some(queue) = before.queue
        && before.is_pending()
        && !after.is_pending()
    {
        queue::let_next_out(batch, item.endpoint, queue)?;
    }
    if before.queue.is_some() && (trigger == Trigger::Scheduled || !after.is_pending()) {
        // It may have been let out earlier in this very commit, and is not to be sent any more, or not yet.
        let is_it = |due: &Due| due.message.no == item.message && due.endpoint == item.endpoint;
        batch.committed.due.retain(|due| due.trigger == Trigger::Manual || !is_it(due));
    }
    Ok(finished)
}

/// The usual end, which one statement can note unless the delivery stands in a queue or has ended in the meantime.
fn is_first_success(item: &Finish) -> bool {
    item.attempt.trigger == Trigger::Scheduled && item.step == Step::End { state: DeliveryState::Success, reason: None }
}

pub(super) fn progress(connection: &Connection, message: MessageNo, endpoint: EndpointNo) -> Result<Option<Progress>> {
    connection
        .prepare_cached(
            "SELECT state, reason, due, manual_due, queue, tries, unsent, held, not_before FROM delivery \
             WHERE message = ?1 AND endpoint = ?2",
        )?
        .query_row([message.0, endpoint.0], |row| {
            Ok(Progress {
                state: coded(row, 0, DeliveryState::from_code)?,
                reason: row.get::<_, Option<i64>>(1)?.and_then(Reason::from_code),
                due: maybe_time(row, 2)?,
                manual_due: maybe_time(row, 3)?,
                queue: row.get::<_, Option<i64>>(4)?.map(QueueNo),
                tries: small(row, 5)?,
                unsent: small(row, 6)?,
                held: maybe_time(row, 7)?,
                not_before: maybe_time(row, 8)?,
            })
        })
        .optional()
}

pub(super) fn write_progress(
    connection: &Connection,
    message: MessageNo,
    endpoint: EndpointNo,
    after: &Progress,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE delivery SET state = ?3, reason = ?4, due = ?5, manual_due = ?6, tries = ?7, unsent = ?8, held = ?9, \
             not_before = ?10 WHERE message = ?1 AND endpoint = ?2",
        )?
        .execute(params![
            message.0,
            endpoint.0,
            after.state.code(),
            after.reason.map(Reason::code),
            after.due.map(At),
            after.manual_due.map(At),
            after.tries,
            after.unsent,
            after.held.map(At),
            after.not_before.map(At),
        ])?;
    Ok(())
}

/// Reads what is due of one endpoint; see [`crate::Store::take`].
///
/// # Errors
/// When the store cannot be read.
pub fn take(connection: &Connection, take: &Take) -> Result<Taken, StoreError> {
    read_due(connection, take).map_err(store_error)
}

/// A delivery that is due, as its index tells it.
#[derive(Clone, Copy)]
struct Candidate {
    message: MessageNo,
    trigger: Trigger,
    due: Timestamp,
}

fn read_due(connection: &Connection, take: &Take) -> Result<Taken> {
    // All of it is read at one moment, and nothing is written.
    let snapshot = connection.unchecked_transaction()?;
    let held: HashSet<_> = take.held.iter().copied().collect();
    let mut taken = Taken::default();
    let mut groups = vec![due_by_hand(&snapshot, take, &held, &mut taken.next_due)?];
    let mut last = -1;
    while let Some(priority) = next_priority(&snapshot, take.endpoint, last)? {
        groups.push(due_of(&snapshot, take, priority, &held, &mut taken.next_due)?);
        last = priority;
    }
    let lengths: Vec<_> = groups.iter().map(Vec::len).collect();
    let shares = share::shares(take.limit, &lengths);
    taken.more = shares != lengths;
    let chosen = groups.iter().zip(shares).flat_map(|(group, share)| &group[..share]);
    let mut bytes = 0;
    for candidate in chosen {
        let Some(due) = load(&snapshot, take.endpoint, *candidate)? else { continue };
        bytes += due.message.body().map_or(0, |(body, _)| body.len());
        if bytes > take.max_bytes && !taken.rows.is_empty() {
            taken.more = true;
            break;
        }
        taken.rows.push(due);
    }
    Ok(taken)
}

/// Reads what stands behind heads of queues; see [`crate::Store::follow`].
///
/// # Errors
/// When the store cannot be read.
pub fn follow(connection: &Connection, follow: &Follow) -> Result<Followed, StoreError> {
    read_followers(connection, follow).map_err(store_error)
}

fn read_followers(connection: &Connection, follow: &Follow) -> Result<Followed> {
    let snapshot = connection.unchecked_transaction()?;
    let (mut found, mut more) = (Vec::new(), false);
    for (queue, head) in &follow.heads {
        let most = follow.most_of_queue();
        let behind = queue::behind(&snapshot, follow.endpoint, *queue, *head, most + 1)?;
        more |= behind.len() > most;
        found.extend(behind.into_iter().take(most));
    }
    found.sort_unstable();
    let mut followers = Followers::new(follow);
    for no in found {
        let candidate = Candidate { message: no, trigger: Trigger::Scheduled, due: follow.now };
        let Some(due) = load(&snapshot, follow.endpoint, candidate)? else { continue };
        if !followers.add(due) {
            break;
        }
    }
    Ok(followers.into_followed(more))
}

/// The priorities that the endpoint has scheduled deliveries of, one at a time.
fn next_priority(connection: &Connection, endpoint: EndpointNo, last: i64) -> Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT priority FROM delivery INDEXED BY delivery_due \
             WHERE endpoint = ?1 AND priority > ?2 AND due IS NOT NULL ORDER BY priority LIMIT 1",
        )?
        .query_row([endpoint.0, last], |row| row.get(0))
        .optional()
}

fn due_of(
    connection: &Connection,
    take: &Take,
    priority: i64,
    held: &HashSet<(MessageNo, Trigger)>,
    next_due: &mut Option<Timestamp>,
) -> Result<Vec<Candidate>> {
    let mut due = connection.prepare_cached(
        "SELECT message, due FROM delivery INDEXED BY delivery_due \
         WHERE endpoint = ?1 AND priority = ?2 AND due <= ?3 ORDER BY due, message",
    )?;
    let mut next = connection.prepare_cached(
        "SELECT message, due FROM delivery INDEXED BY delivery_due \
         WHERE endpoint = ?1 AND priority = ?2 AND due > ?3 ORDER BY due, message LIMIT 1",
    )?;
    let values = (take.endpoint.0, priority, At(take.now));
    note_next(&mut next, values, next_due)?;
    candidates(&mut due, (take.endpoint.0, priority, At(take.now)), Trigger::Scheduled, take.limit, held)
}

fn due_by_hand(
    connection: &Connection,
    take: &Take,
    held: &HashSet<(MessageNo, Trigger)>,
    next_due: &mut Option<Timestamp>,
) -> Result<Vec<Candidate>> {
    let mut due = connection.prepare_cached(
        "SELECT message, manual_due FROM delivery INDEXED BY delivery_by_hand \
         WHERE endpoint = ?1 AND manual_due <= ?2 ORDER BY manual_due, message",
    )?;
    let mut next = connection.prepare_cached(
        "SELECT message, manual_due FROM delivery INDEXED BY delivery_by_hand \
         WHERE endpoint = ?1 AND manual_due > ?2 ORDER BY manual_due, message LIMIT 1",
    )?;
    note_next(&mut next, (take.endpoint.0, At(take.now)), next_due)?;
    candidates(&mut due, (take.endpoint.0, At(take.now)), Trigger::Manual, take.limit, held)
}

/// The first rows of `statement` that are not held: one more than `limit`, so that it is seen whether there are more.
fn candidates(
    statement: &mut Statement<'_>,
    values: impl rusqlite::Params,
    trigger: Trigger,
    limit: usize,
    held: &HashSet<(MessageNo, Trigger)>,
) -> Result<Vec<Candidate>> {
    statement
        .query_map(values, |row| Ok(Candidate { message: MessageNo(row.get(0)?), trigger, due: time(row, 1)? }))?
        .filter(|found| !matches!(found, Ok(candidate) if held.contains(&(candidate.message, trigger))))
        .take(limit.saturating_add(1))
        .collect()
}

fn note_next(
    statement: &mut Statement<'_>,
    values: impl rusqlite::Params,
    next_due: &mut Option<Timestamp>,
) -> Result<()> {
    if let Some(due) = statement.query_row(values, |row| time(row, 1)).optional()? {
        *next_due = Some(next_due.map_or(due, |earlier| earlier.min(due)));
    }
    Ok(())
}

/// All that an attempt of a candidate needs to know.
fn load(connection: &Connection, endpoint: EndpointNo, candidate: Candidate) -> Result<Option<Due>> {
    let read = |row: &Row<'_>| {
        Ok(Due {
            message: Arc::new(read_whole(row)?),
            endpoint,
            trigger: candidate.trigger,
            priority: Priority(row.get(WHOLE)?),
            due: candidate.due,
            queue: row.get::<_, Option<i64>>(WHOLE + 1)?.map(QueueNo),
            tries: small(row, WHOLE + 2)?,
            unsent: small(row, WHOLE + 3)?,
            held_since: maybe_time(row, WHOLE + 4)?,
        })
    };
    connection
        .prepare_cached(concat!(
            "SELECT ",
            whole!(),
            ", d.priority, d.queue, d.tries, d.unsent, d.held FROM delivery d JOIN message m ON m.no = d.message \
             WHERE d.message = ?1 AND d.endpoint = ?2"
        ))?
        .query_row([candidate.message.0, endpoint.0], read)
        .optional()
}
