//! Messages: how they are read.

use bytes::Bytes;
use ringback_model::{AppNo, Message, MessageId, MessageNo, OrderingKey, Priority};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::stretch;
use super::value::{Search, Values, get, id, is_storable, limit, maybe_time, text, time};
use crate::query::is_in;
use crate::{Hits, MessageQuery, MessageRef};

/// All but the large columns, in the order that [`read`] expects.
macro_rules! columns {
    () => {
        "m.no, m.app, m.id, m.event_type, m.event_id, m.channels, m.ordering_key, m.occurred_at, m.accepted_at, \
         m.expires_at, m.raw_content_type, m.callback_url, m.deliver_at, m.deliver_until, m.tags"
    };
}

/// All columns, in the order that [`read_whole`] expects.
macro_rules! whole {
    () => {
        "m.no, m.app, m.id, m.event_type, m.event_id, m.channels, m.ordering_key, m.occurred_at, m.accepted_at, \
         m.expires_at, m.raw_content_type, m.callback_url, m.deliver_at, m.deliver_until, m.tags, m.raw, m.payload"
    };
}
/// The types of those columns, with those of more behind them.
macro_rules! whole_types {
    ($($more:literal),*) => {
        &[
            "bigint", "bigint", "bytea", "text", "bytea", "bytea[]", "bytea", "bigint", "bigint", "bigint", "text", "text",
            "bigint", "bigint", "bytea[]", "bytea", "bytea", $($more),*
        ]
    };
}
pub(super) use {columns, whole, whole_types};

/// How many columns [`whole!`] names.
pub(super) const WHOLE: usize = 17;

/// The message with this number, and how urgent it is. Inside of a transaction.
pub(super) async fn by_no(client: &Client, no: MessageNo) -> Result<Option<(Message, Priority)>> {
    let sql = concat!("SELECT ", whole!(), ", m.priority FROM ringback.message m WHERE m.no = $1");
    let rows = query(client, sql, &Values::default().int8(no.0)).await?;
    rows.first().map(|row| Ok((read_whole(row)?, priority(row, WHOLE)?))).transpose()
}

/// See [`crate::Store::message`].
pub(super) async fn find(client: &Client, app: AppNo, message: &MessageRef) -> Result<Option<Message>> {
    let values = Values::default().int8(app.0);
    let (sql, values) = match message {
        MessageRef::Id(id) => (
            concat!("SELECT ", whole!(), " FROM ringback.message m WHERE m.app = $1 AND m.id = $2"),
            values.and(id.as_bytes().as_slice(), Type::BYTEA),
        ),
        MessageRef::EventId(event_id) => (
            concat!("SELECT ", whole!(), " FROM ringback.message m WHERE m.app = $1 AND m.event_id = $2"),
            values.and(event_id.as_bytes(), Type::BYTEA),
        ),
    };
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.first().map(read_whole).transpose()
}

/// See [`crate::Store::messages_by_no`].
pub(super) async fn by_numbers(client: &Client, numbers: &[MessageNo]) -> Result<Vec<Message>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (no, at) JOIN ringback.message m ON m.no = wanted.no \
         ORDER BY wanted.at"
    );
    let values = Values::default().int8s(numbers.iter().map(|no| no.0));
    transaction(client, Purpose::Search, query(client, sql, &values)).await?.iter().map(read).collect()
}

/// See [`crate::Store::payloads`].
pub(super) async fn payloads(
    client: &Client,
    numbers: &[MessageNo],
    max_bytes: usize,
) -> Result<Vec<(MessageNo, Bytes)>> {
    // Lengths are told without reading what they are of.
    let sql = "SELECT no, payload FROM (SELECT wanted.no, wanted.at, m.payload, \
                 sum(octet_length(m.payload)) OVER (ORDER BY wanted.at) AS bytes, \
                 row_number() OVER (ORDER BY wanted.at) AS place \
               FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (no, at) \
               JOIN ringback.message m ON m.no = wanted.no WHERE m.payload IS NOT NULL) found \
               WHERE bytes <= $2 OR place = 1 ORDER BY at";
    let values = Values::default().int8s(numbers.iter().map(|no| no.0)).int8(limit(max_bytes));
    let rows = transaction(client, Purpose::Read, query(client, sql, &values)).await?;
    rows.iter().map(|row| Ok((MessageNo(get(row, 0)?), Bytes::from(get::<Vec<u8>>(row, 1)?)))).collect()
}

/// See [`crate::Store::messages`].
pub(super) async fn page(client: &Client, search: &MessageQuery) -> Result<Hits<Message, MessageId>> {
    let columns = if search.with_payload { whole!() } else { columns!() };
    let (from, app) = source(search);
    let sql = format!("SELECT {columns} FROM {from} WHERE {app} = $1");
    let mut found = Search::new(sql, Values::default().int8(search.app.0));
    narrow_to_page(&mut found, search);
    let (rows, horizon) = transaction(client, Purpose::Search, async {
        let stretch = stretch::of_messages(client, search).await?;
        found.and_within(&stretch);
        let (sql, values) = found.finish(&stretch.order(), search.paging.limit);
        Ok((query(client, &sql, &values).await?, stretch.horizon))
    })
    .await?;
    let read = if search.with_payload { read_whole } else { read };
    Ok(Hits::new(rows.iter().map(read).collect::<Result<_>>()?, search.paging.limit, horizon))
}

/// Where the messages of a page are looked for, as `message m`, and the column of their application: among those with a
/// tag, or among all.
pub(super) const fn source(search: &MessageQuery) -> (&'static str, &'static str) {
    match search.tag {
        Some(_) => ("ringback.message_tag t JOIN ringback.message m ON m.no = t.message", "t.app"),
        None => ("ringback.message m", "m.app"),
    }
}

/// Narrows a search over a [`source`] by tag, time, state, channel and types.
pub(super) fn narrow_to_page<'a>(found: &mut Search<'a>, search: &'a MessageQuery) {
    if let Some(tag) = &search.tag {
        found.and("t.tag = ?", tag.as_bytes(), Type::BYTEA);
    }
    if let Some(after) = search.after {
        found.and("m.accepted_at > ?", after.as_micros(), Type::INT8);
    }
    if let Some(before) = search.before {
        found.and("m.accepted_at < ?", before.as_micros(), Type::INT8);
    }
    if let Some(state) = search.state {
        // Asked for each message by itself: a plan that begins with deliveries would visit all of them.
        let one = format!("SELECT 1 FROM ringback.delivery d WHERE d.message = m.no AND {} LIMIT 1", is_in(state));
        found.and_plain(&format!("({one}) IS NOT NULL"));
    }
    narrow(found, search.channel.as_deref(), &search.event_types);
}

/// Narrows a search over `message m` by channel and types.
pub(super) fn narrow<'a>(search: &mut Search<'a>, channel: Option<&'a str>, event_types: &'a [String]) {
    if let Some(channel) = channel {
        search.and("? = ANY (m.channels)", channel.as_bytes(), Type::BYTEA);
    }
    if !event_types.is_empty() {
        let types: Vec<&str> = event_types.iter().map(String::as_str).filter(|text| is_storable(text)).collect();
        search.and("m.event_type = ANY (?)", types, Type::TEXT_ARRAY);
    }
}

/// How urgent something is, from this column.
pub(super) fn priority(row: &Row, column: usize) -> Result<Priority> {
    let number: i16 = get(row, column)?;
    // Only small ones are ever written.
    Ok(Priority(u8::try_from(number).unwrap_or(u8::MAX)))
}

/// A list of texts as it is written: nothing for none, else the text of an array of bytes.
pub(super) fn texts_to_sql(texts: &[String]) -> Option<String> {
    use std::fmt::Write as _;

    let (first, rest) = texts.split_first()?;
    let mut sql = String::from("{");
    for (text, separator) in std::iter::once((first, "")).chain(rest.iter().map(|text| (text, ","))) {
        sql.push_str(separator);
        sql.push_str("\"\\\\x");
        for byte in text.bytes() {
            write!(sql, "{byte:02x}").expect("a string takes all that is written to it");
        }
        sql.push('"');
    }
    sql.push('}');
    Some(sql)
}

/// A message without its payload.
pub(super) fn read(row: &Row) -> Result<Message> {
    let texts = |column| -> Result<Vec<String>> {
        get::<Option<Vec<Vec<u8>>>>(row, column)?.unwrap_or_default().into_iter().map(text).collect()
    };
    let maybe_text = |column| get::<Option<Vec<u8>>>(row, column)?.map(text).transpose();
    Ok(Message {
        no: MessageNo(get(row, 0)?),
        app: AppNo(get(row, 1)?),
        id: id(row, 2)?,
        event_type: get(row, 3)?,
        event_id: maybe_text(4)?,
        channels: texts(5)?,
        ordering_key: maybe_text(6)?.and_then(OrderingKey::new),
        occurred_at: maybe_time(row, 7)?,
        accepted_at: time(row, 8)?,
        expires_at: time(row, 9)?,
        raw_content_type: get(row, 10)?,
        callback_url: get(row, 11)?,
        deliver_at: maybe_time(row, 12)?,
        deliver_until: maybe_time(row, 13)?,
        tags: texts(14)?,
        raw: None,
        payload: None,
    })
}

/// A message with its payload, from the first [`WHOLE`] columns.
pub(super) fn read_whole(row: &Row) -> Result<Message> {
    let bytes = |column| Ok::<_, super::error::SqlError>(get::<Option<Vec<u8>>>(row, column)?.map(Bytes::from));
    Ok(Message { raw: bytes(15)?, payload: bytes(16)?, ..read(row)? })
}
