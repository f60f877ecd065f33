//! How far a search looks. An open read holds back checkpoints, too.

use std::time::Duration;

use ringback_model::{AttemptId, Id, Kind, MessageId, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Result, params, params_from_iter};

use super::attempt::index;
use super::value::Search;
pub(super) use crate::backend::stretch::{ATTEMPTS, MESSAGES, Stretch};
use crate::query::{ahead, id_span};
use crate::{AttemptQuery, AttemptScope, MessageQuery};

/// Of a list of messages; with a horizon if the query has conditions.
pub(super) fn of_messages(connection: &Connection, query: &MessageQuery) -> Result<Stretch<MessageId>> {
    if query.is_narrowed() {
        of_messages_narrowed(connection, query)
    } else {
        Ok(Stretch::open(query.list_column(), &query.paging))
    }
}

/// Of a list of messages that has conditions beside those of the query.
pub(super) fn of_messages_narrowed(connection: &Connection, query: &MessageQuery) -> Result<Stretch<MessageId>> {
    let app = Value::Integer(query.app.0);
    let list = match &query.tag {
        Some(tag) => Search::new(
            "SELECT t.id FROM message_tag t WHERE t.app = ? AND t.tag = ?".to_owned(),
            vec![app, Value::Text(tag.clone())],
        ),
        None => {
            Search::new("SELECT m.id FROM message m INDEXED BY message_by_id WHERE m.app = ?".to_owned(), vec![app])
        }
    };
    let whole = Stretch::open(query.list_column(), &query.paging);
    limited(connection, whole, MESSAGES, (query.after, query.before), list, query.look)
}

/// Of a list of attempts; with a horizon if they are an endpoint's and the query has conditions.
pub(super) fn of_attempts(connection: &Connection, query: &AttemptQuery) -> Result<Stretch<AttemptId>> {
    let whole = Stretch::open("a.id", &query.paging);
    match query.scope {
        AttemptScope::Endpoint(endpoint) if query.is_narrowed() => {
            let (index, among) = index(query);
            let sql = format!("SELECT a.id FROM attempt a INDEXED BY {index} WHERE a.endpoint = ?{among}");
            let list = Search::new(sql, vec![Value::Integer(endpoint.0)]);
            limited(connection, whole, ATTEMPTS, (query.after, query.before), list, query.look)
        }
        AttemptScope::Endpoint(_) | AttemptScope::Message { .. } => Ok(whole),
    }
}

/// The same between two times, and over `look` rows at most of the list whose ids `list` selects.
fn limited<K: Kind>(
    connection: &Connection,
    mut stretch: Stretch<Id<K>>,
    note: &str,
    (after, before): (Option<Timestamp>, Option<Timestamp>),
    mut list: Search,
    look: usize,
) -> Result<Stretch<Id<K>>> {
    let ahead = if before.is_some() { noted(connection, note)? } else { Duration::ZERO };
    stretch.span = id_span((after, before), ahead);
    list.and_within(&stretch);
    let (sql, values) = list.finish_at(&stretch.order(), look.saturating_sub(1));
    let horizon = connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0)).optional()?;
    stretch.horizon = horizon.map(Id::from_bytes);
    Ok(stretch)
}

/// Notes by how much the time in an id is later than that of what it names, if it is more than usual.
pub(super) fn note_ahead<K: Kind>(connection: &Connection, note: &str, id: &Id<K>, at: Timestamp) -> Result<()> {
    let Some(ahead) = ahead(id, at) else { return Ok(()) };
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) \
               ON CONFLICT DO UPDATE SET value = excluded.value WHERE excluded.value > value";
    let micros = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
    connection.prepare_cached(sql)?.execute(params![note, micros]).map(drop)
}

fn noted(connection: &Connection, note: &str) -> Result<Duration> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let micros: Option<i64> = statement.query_row([note], |row| row.get(0)).optional()?;
    Ok(Duration::from_micros(micros.unwrap_or_default().unsigned_abs()))
}
