//! Which part of a list a search looks at: from its page's beginning, between the ids of its span of time, and so far.
//!
//! Lists run by id. A search whose conditions few meet would read all of an application or endpoint; it ends at a
//! horizon, and whoever asked goes on from there.

use std::time::Duration;

use ringback_model::{AttemptId, Id, Kind, MessageId, Timestamp};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::attempt::AMISS;
use super::connection::query;
use super::error::Result;
use super::value::{Search, Values, get, id};
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
    /// Of a list of messages; with a horizon if the query has conditions. Inside of a transaction.
    pub(super) async fn of_messages(client: &Client, search: &MessageQuery) -> Result<Self> {
        if search.is_narrowed() {
            Self::of_messages_narrowed(client, search).await
        } else {
            Ok(Self::open(search.list_column(), &search.paging))
        }
    }

    /// Of a list of messages that has conditions beside those of the query.
    pub(super) async fn of_messages_narrowed(client: &Client, search: &MessageQuery) -> Result<Self> {
        let app = Values::default().int8(search.app.0);
        let list = match &search.tag {
            Some(tag) => Search::new(
                "SELECT t.id FROM ringback.message_tag t WHERE t.app = $1 AND t.tag = $2".to_owned(),
                app.and(tag.as_bytes(), Type::BYTEA),
            ),
            None => Search::new("SELECT m.id FROM ringback.message m WHERE m.app = $1".to_owned(), app),
        };
        let times = (search.after, search.before);
        Self::open(search.list_column(), &search.paging).limited(client, MESSAGES, times, list, search.look).await
    }
}

impl Stretch<AttemptId> {
    /// Of a list of attempts; with a horizon if they are an endpoint's and the query has conditions.
    pub(super) async fn of_attempts(client: &Client, search: &AttemptQuery) -> Result<Self> {
        match search.scope {
            AttemptScope::Endpoint(endpoint) if search.is_narrowed() => {
                let among = if search.is_of_those_amiss() { AMISS } else { "" };
                let sql = format!("SELECT a.id FROM ringback.attempt a WHERE a.endpoint = $1{among}");
                let list = Search::new(sql, Values::default().int8(endpoint.0));
                let times = (search.after, search.before);
                Self::open("a.id", &search.paging).limited(client, ATTEMPTS, times, list, search.look).await
            }
            AttemptScope::Endpoint(_) | AttemptScope::Message { .. } => Ok(Self::open("a.id", &search.paging)),
        }
    }
}

impl<K: Kind> Stretch<Id<K>> {
    /// All behind the page's beginning.
    fn open(column: &'static str, paging: &Paging<Id<K>>) -> Self {
        Self { column, direction: paging.direction, after: paging.after, span: (None, None), horizon: None }
    }

    /// The same between two times, and over `look` rows at most of the list whose ids `list` selects.
    async fn limited(
        mut self,
        client: &Client,
        note: &str,
        (after, before): (Option<Timestamp>, Option<Timestamp>),
        mut list: Search<'_>,
        look: usize,
    ) -> Result<Self> {
        let ahead = if before.is_some() { noted(client, note).await? } else { Duration::ZERO };
        self.span = id_span((after, before), ahead);
        self.narrow(&mut list);
        let (sql, values) = list.finish_at(&self.order(), look.saturating_sub(1));
        self.horizon = query(client, &sql, &values).await?.first().map(|row| id(row, 0)).transpose()?;
        Ok(self)
    }

    /// Narrows a search to this part.
    pub(super) fn narrow(&self, search: &mut Search<'_>) {
        let column = self.column;
        let (beyond, up_to) = match self.direction {
            Direction::Ascending => (">", "<="),
            Direction::Descending => ("<", ">="),
        };
        let (from, to) = &self.span;
        for (relation, bound) in [(beyond, &self.after), (up_to, &self.horizon), (">=", from), ("<", to)] {
            if let Some(bound) = bound {
                search.and(&format!("{column} {relation} ?"), bound.as_bytes().to_vec(), Type::BYTEA);
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

/// By how much ids are later than the times of what they name, at most, if it is more than usual.
pub(super) fn most_ahead<'a, K: Kind>(things: impl Iterator<Item = (&'a Id<K>, Timestamp)>) -> Option<Duration> {
    things.filter_map(|(id, at)| ahead(id, at)).max()
}

/// Notes it. Inside of a transaction.
pub(super) async fn note_ahead(client: &Client, note: &str, most: Option<Duration>) -> Result<()> {
    let Some(most) = most else { return Ok(()) };
    let sql = "INSERT INTO ringback.meta AS meta (name, value) VALUES ($1, $2) ON CONFLICT (name) \
               DO UPDATE SET value = excluded.value \
               WHERE convert_from(excluded.value, 'UTF8')::bigint > convert_from(meta.value, 'UTF8')::bigint";
    let micros = most.as_micros().to_string();
    let values = Values::default().and(note, Type::TEXT).and(micros.into_bytes(), Type::BYTEA);
    query(client, sql, &values).await.map(drop)
}

async fn noted(client: &Client, note: &str) -> Result<Duration> {
    let sql = "SELECT convert_from(value, 'UTF8')::bigint FROM ringback.meta WHERE name = $1";
    let rows = query(client, sql, &Values::default().and(note, Type::TEXT)).await?;
    let micros = rows.first().map(|row| get::<i64>(row, 0)).transpose()?;
    Ok(Duration::from_micros(micros.unwrap_or_default().unsigned_abs()))
}
