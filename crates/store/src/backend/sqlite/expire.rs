//! Letting go of what is old: [`expire`], and which parts of the messages are to be visited for it.

use ringback_model::{AppNo, DeliveryState, EndpointNo, MessageNo, Reason, Timestamp};
use rusqlite::{Connection, Result, params};

use super::batch::Batch;
use super::end::end_but;
use super::mention::{cursor, forget_words};
use super::usage;
use super::value::{At, maybe_time, time};
use crate::backend::upkeep::{bounds, first_times};
use crate::{Aging, AgingQuery, EXPUNGED, End, Expire, Expired, Expiry, Part};

/// See [`crate::Store::upkeep`].
pub(super) fn upkeep(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Part>> {
    connection
        .prepare_cached("SELECT part, noted_at FROM upkeep WHERE at <= ?1 ORDER BY at LIMIT ?2")?
        .query_map(params![At(now), count(limit)], |row| Ok(Part { no: row.get(0)?, noted_at: time(row, 1)? }))?
        .collect()
}

/// See [`crate::Store::aging`].
pub(super) fn aging(connection: &Connection, query: &AgingQuery) -> Result<Vec<Aging>> {
    let (below, last) = bounds(query.part);
    connection
        .prepare_cached(
            "SELECT m.no, m.app, m.accepted_at, m.expires_at, m.deliver_until, m.payload IS NOT NULL OR m.raw IS NOT NULL, \
             EXISTS (SELECT 1 FROM attempt a WHERE a.message = m.no), \
             EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.no AND (d.state = 1 OR d.manual_due IS NOT NULL)) \
             FROM message m WHERE m.no > ?1 AND m.no <= ?2 ORDER BY m.no LIMIT ?3",
        )?
        .query_map(params![below.max(query.after).0, last.0, count(query.limit)], |row| {
            Ok(Aging {
                no: MessageNo(row.get(0)?),
                app: AppNo(row.get(1)?),
                accepted_at: time(row, 2)?,
                expires_at: time(row, 3)?,
                deliver_until: maybe_time(row, 4)?,
                has_payload: row.get(5)?,
                has_attempts: row.get(6)?,
                is_pending: row.get(7)?,
            })
        })?
        .collect()
}

/// Notes when parts are to be visited, unless they are earlier.
pub(super) fn note(batch: &Batch<'_>, times: &[(MessageNo, Timestamp)]) -> Result<()> {
    let mut note = batch.connection.prepare_cached(
        "INSERT INTO upkeep (part, at, noted_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET at = min(at, excluded.at), noted_at = excluded.noted_at",
    )?;
    for (part, at) in first_times(times) {
        note.execute(params![part, At(at), At(batch.now)])?;
    }
    Ok(())
}

/// See [`crate::Store::revisit`].
pub(super) fn revisit(batch: &Batch<'_>) -> Result<()> {
    batch.connection.prepare_cached("UPDATE upkeep SET at = 0, noted_at = ?1")?.execute([At(batch.now)]).map(drop)
}

/// Lets go of things within the rows that may be written, and notes that their part was visited.
pub(super) fn expire(batch: &mut Batch<'_>, item: &Expire) -> Result<Expired> {
    forget_words(batch.connection, &item.words)?;
    let mut expired = Expired::default();
    for (message, what) in &item.items {
        let (rows, done) = let_go(batch, *message, *what, item.rows - expired.rows)?;
        expired.rows += rows;
        if !done {
            return Ok(expired);
        }
        expired.done += 1;
    }
    if let Some((part, next)) = item.visited {
        visited(batch.connection, part, next)?;
    }
    Ok(expired)
}

/// Lets go of one thing; answers how many rows that took, at most `budget`, and whether it is done.
fn let_go(batch: &mut Batch<'_>, message: MessageNo, what: Expiry, budget: usize) -> Result<(usize, bool)> {
    let mut rows = match what {
        Expiry::Deliveries(reason) => end_pending(batch, message, (reason, true), budget)?,
        Expiry::Payload(reason) => end_pending(batch, message, (reason, false), budget)?,
        Expiry::Message => end_pending(batch, message, (Reason::Expired, false), budget)?,
        Expiry::Answer(_) | Expiry::Attempts => 0,
    };
    let connection = batch.connection;
    // What there may be much of, and what goes once all of that has gone.
    let (many, last): (&[&str], Option<&str>) = match what {
        Expiry::Deliveries(_) => (&[], None),
        Expiry::Payload(_) => (&[], Some(FORGET_PAYLOAD)),
        Expiry::Answer(id) => {
            let sql = "UPDATE attempt SET response = ?3 WHERE message = ?1 AND id = ?2";
            return Ok((connection.prepare_cached(sql)?.execute(params![message.0, id.as_bytes(), EXPUNGED])?, true));
        }
        Expiry::Attempts => (&[FORGET_ATTEMPTS], None),
        Expiry::Message => (&[FORGET_ATTEMPTS, FORGET_DELIVERIES, FORGET_POLLED], Some(FORGET_MESSAGE)),
    };
    for sql in many {
        if rows >= budget {
            return Ok((rows, false));
        }
        rows += connection.prepare_cached(sql)?.execute(params![message.0, count(budget - rows)])?;
    }
    if let Some(sql) = last {
        if rows >= budget {
            return Ok((rows, false));
        }
        usage::give_back(connection, message, cursor(connection)?)?;
        if what == Expiry::Message {
            connection.prepare_cached(FORGET_TAGS)?.execute([message.0])?;
        }
        rows += connection.prepare_cached(sql)?.execute([message.0])?;
    }
    // What fills the budget exactly may have left something.
    Ok((rows, rows < budget))
}

const FORGET_ATTEMPTS: &str = "DELETE FROM attempt WHERE (message, id) IN \
                               (SELECT message, id FROM attempt WHERE message = ?1 LIMIT ?2)";
const FORGET_DELIVERIES: &str = "DELETE FROM delivery WHERE (message, endpoint) IN \
                                 (SELECT message, endpoint FROM delivery WHERE message = ?1 LIMIT ?2)";
const FORGET_POLLED: &str = "DELETE FROM polled WHERE (poller, message) IN \
                             (SELECT poller, message FROM polled WHERE message = ?1 LIMIT ?2)";
const FORGET_PAYLOAD: &str = "UPDATE message SET payload = NULL, raw = NULL WHERE no = ?1 \
                              AND (payload IS NOT NULL OR raw IS NOT NULL)";
const FORGET_TAGS: &str = "DELETE FROM message_tag WHERE (app, tag, id) IN \
                           (SELECT m.app, t.value, m.id FROM message m, json_each(m.tags) t WHERE m.no = ?1)";
const FORGET_MESSAGE: &str = "DELETE FROM message WHERE no = ?1";

/// Ends what is pending of a message, and calls off what was asked for by hand, unless that is kept; answers how many
/// deliveries that were.
fn end_pending(
    batch: &mut Batch<'_>,
    message: MessageNo,
    (reason, keeps_asked): (Reason, bool),
    limit: usize,
) -> Result<usize> {
    let sql = if keeps_asked {
        "SELECT endpoint FROM delivery WHERE message = ?1 AND state = 1 AND (due IS NOT NULL OR queue IS NOT NULL) LIMIT ?2"
    } else {
        "SELECT endpoint FROM delivery WHERE message = ?1 AND (state = 1 OR manual_due IS NOT NULL) LIMIT ?2"
    };
    let endpoints: Vec<i64> = batch
        .connection
        .prepare_cached(sql)?
        .query_map(params![message.0, count(limit)], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for endpoint in &endpoints {
        let endpoint = EndpointNo(*endpoint);
        let item = End { message, endpoint, state: DeliveryState::Fail, reason, audit: None };
        end_but(batch, &item, keeps_asked)?;
    }
    Ok(endpoints.len())
}

/// Notes when a part is visited next, unless something of it was noted meanwhile: then it stays due.
fn visited(connection: &Connection, part: Part, next: Option<Timestamp>) -> Result<()> {
    let Some(next) = next else {
        let gone = connection
            .prepare_cached("DELETE FROM upkeep WHERE part = ?1 AND noted_at = ?2")?
            .execute(params![part.no, At(part.noted_at)])?;
        if gone == 1 {
            forget_strays(connection, part.no)?;
        }
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE upkeep SET at = ?3 WHERE part = ?1 AND noted_at = ?2")?
        .execute(params![part.no, At(part.noted_at), At(next)])
        .map(drop)
}

/// An attempt that was under way when its message went is recorded all the same.
fn forget_strays(connection: &Connection, part: i64) -> Result<()> {
    let (below, last) = bounds(part);
    connection
        .prepare_cached("DELETE FROM attempt WHERE message > ?1 AND message <= ?2")?
        .execute([below.0, last.0])
        .map(drop)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
