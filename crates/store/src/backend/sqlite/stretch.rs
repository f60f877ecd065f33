//! Which part of a list a search looks at: from its page's beginning, between the ids of its span of time, and so far.
//!
//! Lists run by id. A search whose conditions few meet would read all of an application or endpoint and hold back
//! checkpoints meanwhile; it ends at a horizon, and whoever asked goes on from there.

use std::time::Duration;

use ringback_model::{AttemptId, Id, Kind, MessageId, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Result, params, params_from_iter};

use super::attempt::index;
use super::value::Search;
use crate::query::{ahead, id_span};
use crate::{AttemptQuery, AttemptScope, Direction, MessageQuery, Paging};

/// Where it is noted by how much the ids of messages, and of attempts, may be later than their times.
pub(super) const MESSAGES: &str = "message_ids_ahead";
pub(super) const ATTEMPTS: &str = "attempt_ids_ahead";

/// A part of a list that runs by id.
#[derive(Debug)]
pub(super) struct Stretch<K> {
    /// The column that it runs by.
    column: &'static str,
    direction: Direction,
    after: Option<K>,
    span: (Option<K>, Option<K>),
    /// The last id that is looked at, if the list goes on behind it.
    pub(super) horizon: Option<K>,
}

impl Stretch<MessageId> {
    /// Of a list of messages; with a horizon if the query has conditions.
    pub(super) fn of_messages(connection: &Connection, query: &MessageQuery) -> Result<Self> {
        if query.is_narrowed() {
            Self::of_messages_narrowed(connection, query)
        } else {
            Ok(Self::open(query.list_column(), &query.paging))
        }
    }

    /// Of a list of messages that has conditions beside those of the query.
    pub(super) fn of_messages_narrowed(connection: &Connection, query: &MessageQuery) -> Result<Self> {
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
        let times = (query.after, query.before);
        Self::open(query.list_column(), &query.paging).limited(connection, MESSAGES, times, list, query.look)
    }
}

impl Stretch<AttemptId> {
    /// Of a list of attempts; with a horizon if they are an endpoint's and the query has conditions.
    pub(super) fn of_attempts(connection: &Connection, query: &AttemptQuery) -> Result<Self> {
        match query.scope {
            AttemptScope::Endpoint(endpoint) if query.is_narrowed() => {
                let (index, among) = index(query);
                let sql = format!("SELECT a.id FROM attempt a INDEXED BY {index} WHERE a.endpoint = ?{among}");
                let list = Search::new(sql, vec![Value::Integer(endpoint.0)]);
                let times = (query.after, query.before);
                Self::open("a.id", &query.paging).limited(connection, ATTEMPTS, times, list, query.look)
            }
            AttemptScope::Endpoint(_) | AttemptScope::Message { .. } => Ok(Self::open("a.id", &query.paging)),
        }
    }
}

impl<K: Kind> Stretch<Id<K>> {
    /// All behind the page's beginning.
    fn open(column: &'static str, paging: &Paging<Id<K>>) -> Self {
        Self { column, direction: paging.direction, after: paging.after, span: (None, None), horizon: None }
    }

    /// The same between two times, and over `look` rows at most of the list whose ids `list` selects.
    fn limited(
        mut self,
        connection: &Connection,
        note: &str,
        (after, before): (Option<Timestamp>, Option<Timestamp>),
        mut list: Search,
        look: usize,
    ) -> Result<Self> {
        let ahead = if before.is_some() { noted(connection, note)? } else { Duration::ZERO };
        self.span = id_span((after, before), ahead);
        self.narrow(&mut list);
        let (sql, values) = list.finish_at(&self.order(), look.saturating_sub(1));
        let horizon =
            connection.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0)).optional()?;
        self.horizon = horizon.map(Id::from_bytes);
        Ok(self)
    }

    /// Narrows a search to this part.
    pub(super) fn narrow(&self, search: &mut Search) {
        let column = self.column;
        let (beyond, up_to) = match self.direction {
            Direction::Ascending => (">", "<="),
            Direction::Descending => ("<", ">="),
        };
        let (from, to) = &self.span;
        for (relation, bound) in [(beyond, &self.after), (up_to, &self.horizon), (">=", from), ("<", to)] {
            if let Some(bound) = bound {
                search.and(&format!("{column} {relation} ?"), bound.as_bytes().to_vec());
            }
        }
    }

    /// Its order.
    pub(super) fn order(&self) -> String {
        let column = self.column;
        match self.direction {
            Direction::Ascending => format!(" ORDER BY {column}"),
            Direction::Descending => format!(" ORDER BY {column} DESC"),
        }
    }
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
