//! How far a search looks.

use std::time::Duration;

use ringback_model::{AttemptId, Id, Kind, MessageId, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{Client, query};
use super::error::Result;
use super::value::{Search, Values, get, id};
use crate::backend::stretch::AMISS;
pub(super) use crate::backend::stretch::{ATTEMPTS, MESSAGES, Stretch};
use crate::query::{ahead, id_span};
use crate::{AttemptQuery, AttemptScope, MessageQuery};

/// Of a list of messages; with a horizon if the query has conditions. Inside of a transaction.
pub(super) async fn of_messages(client: &Client, search: &MessageQuery) -> Result<Stretch<MessageId>> {
    if search.is_narrowed() {
        of_messages_narrowed(client, search).await
    } else {
        Ok(Stretch::open(search.list_column(), &search.paging))
    }
}

/// Of a list of messages that has conditions beside those of the query.
pub(super) async fn of_messages_narrowed(client: &Client, search: &MessageQuery) -> Result<Stretch<MessageId>> {
    let app = Values::default().int8(search.app.0);
    let list = match &search.tag {
        Some(tag) => Search::new(
            "SELECT t.id FROM ringback.message_tag t WHERE t.app = $1 AND t.tag = $2".to_owned(),
            app.and(tag.as_bytes(), Type::BYTEA),
        ),
        None => Search::new("SELECT m.id FROM ringback.message m WHERE m.app = $1".to_owned(), app),
    };
    let whole = Stretch::open(search.list_column(), &search.paging);
    limited(client, whole, MESSAGES, (search.after, search.before), list, search.look).await
}

/// Of a list of attempts; with a horizon if they are an endpoint's and the query has conditions.
pub(super) async fn of_attempts(client: &Client, search: &AttemptQuery) -> Result<Stretch<AttemptId>> {
    let whole = Stretch::open("a.id", &search.paging);
    match search.scope {
        AttemptScope::Endpoint(endpoint) if search.is_narrowed() => {
            let among = if search.is_of_those_amiss() { AMISS } else { "" };
            let sql = format!("SELECT a.id FROM ringback.attempt a WHERE a.endpoint = $1{among}");
            let list = Search::new(sql, Values::default().int8(endpoint.0));
            limited(client, whole, ATTEMPTS, (search.after, search.before), list, search.look).await
        }
        AttemptScope::Endpoint(_) | AttemptScope::Message { .. } => Ok(whole),
    }
}

/// The same between two times, and over `look` rows at most of the list whose ids `list` selects.
async fn limited<K: Kind>(
    client: &Client,
    mut stretch: Stretch<Id<K>>,
    note: &str,
    (after, before): (Option<Timestamp>, Option<Timestamp>),
    mut list: Search<'_>,
    look: usize,
) -> Result<Stretch<Id<K>>> {
    let ahead = if before.is_some() { noted(client, note).await? } else { Duration::ZERO };
    stretch.span = id_span((after, before), ahead);
    list.and_within(&stretch);
    let (sql, values) = list.finish_at(&stretch.order(), look.saturating_sub(1));
    stretch.horizon = query(client, &sql, &values).await?.first().map(|row| id(row, 0)).transpose()?;
    Ok(stretch)
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
