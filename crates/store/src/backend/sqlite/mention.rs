//! Words that messages are found by.

use ringback_model::{AppNo, MessageNo, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use super::batch::Batch;
use super::value::time;
use super::{expire, usage};
use crate::backend::mention::{SWEEP, part};
use crate::{Mention, MentionQuery, Unread, UnreadQuery, UnreadRun};

/// Where the number of the last message that was read is kept.
const CURSOR: &str = "mentions_read_to";

/// The last message that was read.
pub(super) fn cursor(connection: &Connection) -> Result<MessageNo> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    let found: Option<i64> = connection.prepare_cached(sql)?.query_row([CURSOR], |row| row.get(0)).optional()?;
    Ok(MessageNo(found.unwrap_or(0)))
}

/// See [`crate::Store::unread`].
pub(super) fn unread(connection: &Connection, query: &UnreadQuery) -> Result<Vec<UnreadRun>> {
    let snapshot = connection.unchecked_transaction()?;
    let after = cursor(&snapshot)?;
    let mut messages = Vec::new();
    let mut sql = snapshot.prepare_cached(
        "SELECT no, app, event_type, accepted_at, min(expires_at, COALESCE(deliver_until, expires_at)) FROM message \
             WHERE no > ?1 ORDER BY no LIMIT ?2",
    )?;
    let mut rows = sql.query(params![after.0, i64::try_from(query.limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        let accepted_at: Timestamp = time(row, 3)?;
        if accepted_at >= query.accepted_before {
            break;
        }
        messages.push(Unread {
            no: MessageNo(row.get(0)?),
            app: AppNo(row.get(1)?),
            event_type: row.get(2)?,
            accepted_at,
            ends_at: time(row, 4)?,
        });
    }
    Ok(if messages.is_empty() { Vec::new() } else { vec![UnreadRun { after, messages }] })
}

/// Keeps words and times, unless another pass was quicker; and lets go of some of messages that are gone.
pub(super) fn mention(batch: &mut Batch<'_>, item: &Mention) -> Result<bool> {
    let connection = batch.connection;
    let after = cursor(connection)?;
    if item.read.iter().any(|(before, _)| *before != after) {
        return Ok(false);
    }
    let through = item.read.iter().map(|(_, through)| *through).max().unwrap_or(after);
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO mention (part, app, word, message) VALUES (?1, ?2, ?3, ?4)")?;
    for (app, word, message) in &item.words {
        insert.execute(params![part(*message), app.0, word, message.0])?;
    }
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![CURSOR, through.0])?;
    expire::note(batch, &item.look_at)?;
    usage::count(connection, after, through)?;
    sweep(connection)?;
    Ok(true)
}

/// Lets go of words.
pub(super) fn forget_words(connection: &Connection, words: &[(AppNo, String, MessageNo)]) -> Result<()> {
    let mut forget =
        connection.prepare_cached("DELETE FROM mention WHERE part = ?1 AND app = ?2 AND word = ?3 AND message = ?4")?;
    for (app, word, message) in words {
        forget.execute(params![part(*message), app.0, word, message.0])?;
    }
    Ok(())
}

fn sweep(connection: &Connection) -> Result<()> {
    let oldest: Option<i64> =
        connection.prepare_cached("SELECT min(no) FROM message")?.query_row([], |row| row.get(0))?;
    let Some(oldest) = oldest else { return Ok(()) };
    connection
        .prepare_cached(
            "DELETE FROM mention WHERE (part, app, word, message) IN (SELECT part, app, word, message FROM mention \
             WHERE part < ?1 ORDER BY part LIMIT ?2)",
        )?
        .execute(params![part(MessageNo(oldest)), i64::try_from(SWEEP).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// See [`crate::Store::mentioned`].
pub(super) fn mentioned(connection: &Connection, query: &MentionQuery) -> Result<Vec<MessageNo>> {
    let snapshot = connection.unchecked_transaction()?;
    let before = query.before.unwrap_or(MessageNo(i64::MAX));
    // Each finds the next part down.
    let mut next = snapshot.prepare_cached("SELECT max(part) FROM mention WHERE part <= ?1")?;
    let mut find = snapshot.prepare_cached(
        "SELECT message FROM mention WHERE part = ?1 AND app = ?2 AND word = ?3 AND message < ?4 \
         ORDER BY message DESC LIMIT ?5",
    )?;
    let mut found: Vec<MessageNo> = Vec::new();
    let mut below = part(before);
    while found.len() < query.limit {
        let at: Option<i64> = next.query_row([below], |row| row.get(0))?;
        let Some(at) = at else { break };
        let left = i64::try_from(query.limit - found.len()).unwrap_or(i64::MAX);
        let rows =
            find.query_map(params![at, query.app.0, query.word, before.0, left], |row| row.get(0).map(MessageNo))?;
        found.extend(rows.collect::<Result<Vec<_>>>()?);
        below = at - 1;
    }
    Ok(found)
}
