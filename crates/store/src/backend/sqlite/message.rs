//! Messages: how they are kept and read.

use bytes::Bytes;
use ringback_model::{AppNo, Message, MessageId, MessageNo, OrderingKey, Priority};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params, params_from_iter};

use super::batch::Batch;
use super::hot::Hot;
use super::stretch;
use super::value::{At, Search, id, maybe_time, texts, texts_to_sql, time};
use crate::query::is_in;
use crate::{Accept, Hits, MessageQuery, MessageRef};

/// All but the large columns, in the order that [`read`] expects.
pub(super) const COLUMNS: &str = "m.no, m.app, m.id, m.event_type, m.event_id, m.channels, m.ordering_key, m.occurred_at, \
                       m.accepted_at, m.expires_at, m.raw_content_type, m.callback_url, m.deliver_at, m.deliver_until, \
                       m.tags";

/// All columns, in the order that [`read_whole`] expects, written out where a statement is a constant.
macro_rules! whole {
    () => {
        "m.no, m.app, m.id, m.event_type, m.event_id, m.channels, m.ordering_key, m.occurred_at, m.accepted_at, \
         m.expires_at, m.raw_content_type, m.callback_url, m.deliver_at, m.deliver_until, m.tags, m.raw, m.payload"
    };
}
pub(super) use whole;

/// How many columns [`whole!`] names.
pub(super) const WHOLE: usize = 17;

/// Keeps a message under a number that was drawn for it.
pub(super) fn insert(batch: &mut Batch<'_>, no: MessageNo, item: &Accept) -> Result<()> {
    let message = &item.message;
    stretch::note_ahead(batch.connection, stretch::MESSAGES, &message.id, message.accepted_at)?;
    batch.hot(Hot::InsertMessage)?.execute(params![
        no.0,
        item.app.0,
        message.id.as_bytes(),
        message.event_type,
        message.event_id,
        texts_to_sql(&message.channels),
        message.ordering_key.as_ref().map(OrderingKey::as_str),
        item.priority.0,
        message.occurred_at.map(At),
        At(message.accepted_at),
        At(message.expires_at),
        message.raw_content_type,
        message.raw.as_deref(),
        &*message.payload,
        message.callback_url,
        message.deliver_at.map(At),
        message.deliver_until.map(At),
        texts_to_sql(&message.tags),
    ])?;
    insert_tags(batch.connection, no, item)
}

/// Notes where a message is found by its tags, which most have none of.
fn insert_tags(connection: &Connection, no: MessageNo, item: &Accept) -> Result<()> {
    for tag in &item.message.tags {
        connection
            .prepare_cached(
                "INSERT INTO message_tag (app, tag, id, message) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![item.app.0, tag, item.message.id.as_bytes(), no.0])?;
    }
    Ok(())
}

/// Whether a message of the application has this event id.
pub(super) fn has_event_id(connection: &Connection, app: AppNo, event_id: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM message WHERE app = ?1 AND event_id = ?2")?
        .exists(params![app.0, event_id])
}

/// The message with this number, and how urgent it is.
pub(super) fn by_no(connection: &Connection, no: MessageNo) -> Result<Option<(Message, Priority)>> {
    connection
        .prepare_cached(concat!("SELECT ", whole!(), ", m.priority FROM message m WHERE m.no = ?1"))?
        .query_row([no.0], |row| Ok((read_whole(row)?, Priority(row.get(WHOLE)?))))
        .optional()
}

/// See [`crate::Store::message`].
pub(super) fn find(connection: &Connection, app: AppNo, message: &MessageRef) -> Result<Option<Message>> {
    match message {
        MessageRef::Id(id) => connection
            .prepare_cached(concat!("SELECT ", whole!(), " FROM message m WHERE m.app = ?1 AND m.id = ?2"))?
            .query_row(params![app.0, id.as_bytes()], read_whole),
        MessageRef::EventId(event_id) => connection
            .prepare_cached(concat!("SELECT ", whole!(), " FROM message m WHERE m.app = ?1 AND m.event_id = ?2"))?
            .query_row(params![app.0, event_id], read_whole),
    }
    .optional()
}

/// See [`crate::Store::messages_by_no`].
pub(super) fn by_numbers(connection: &Connection, numbers: &[MessageNo]) -> Result<Vec<Message>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM message m WHERE m.no = ?1"))?;
    let mut found = Vec::with_capacity(numbers.len());
    for no in numbers {
        found.extend(statement.query_row([no.0], read).optional()?);
    }
    Ok(found)
}

/// See [`crate::Store::payloads`].
pub(super) fn payloads(
    connection: &Connection,
    numbers: &[MessageNo],
    max_bytes: usize,
) -> Result<Vec<(MessageNo, Bytes)>> {
    let mut statement = connection.prepare_cached("SELECT payload FROM message WHERE no = ?1")?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for no in numbers {
        let payload: Option<Vec<u8>> = statement.query_row([no.0], |row| row.get(0)).optional()?.flatten();
        let Some(payload) = payload else { continue };
        bytes += payload.len();
        if bytes > max_bytes && !found.is_empty() {
            break;
        }
        found.push((*no, Bytes::from(payload)));
    }
    Ok(found)
}

/// See [`crate::Store::messages`].
pub(super) fn page(connection: &Connection, query: &MessageQuery) -> Result<Hits<Message, MessageId>> {
    let stretch = stretch::of_messages(connection, query)?;
    let columns = if query.with_payload { whole!() } else { COLUMNS };
    let (from, app) = source(query);
    let sql = format!("SELECT {columns} FROM {from} WHERE {app} = ?");
    let mut search = Search::new(sql, vec![query.app.0.into()]);
    search.and_within(&stretch);
    narrow_to_page(&mut search, query);
    let (sql, values) = search.finish(&stretch.order(), query.paging.limit);
    let read = if query.with_payload { read_whole } else { read };
    let items = connection.prepare_cached(&sql)?.query_map(params_from_iter(values), read)?.collect::<Result<_>>()?;
    Ok(Hits::new(items, query.paging.limit, stretch.horizon))
}

/// Where the messages of a page are looked for, as `message m`, and the column of their application: among those with a
/// tag, or among all.
pub(super) const fn source(query: &MessageQuery) -> (&'static str, &'static str) {
    match query.tag {
        Some(_) => ("message_tag t CROSS JOIN message m ON m.no = t.message", "t.app"),
        None => ("message m INDEXED BY message_by_id", "m.app"),
    }
}

/// Narrows a search over a [`source`] by tag, time, state, channel and types.
pub(super) fn narrow_to_page(search: &mut Search, query: &MessageQuery) {
    if let Some(tag) = &query.tag {
        search.and("t.tag = ?", tag.clone());
    }
    if let Some(after) = query.after {
        search.and("m.accepted_at > ?", after.as_micros());
    }
    if let Some(before) = query.before {
        search.and("m.accepted_at < ?", before.as_micros());
    }
    if let Some(state) = query.state {
        // Asked for each message by itself: a plan that begins with deliveries would visit all of them.
        let one = format!("SELECT 1 FROM delivery d WHERE d.message = m.no AND {} LIMIT 1", is_in(state));
        search.and_plain(&format!("({one}) IS NOT NULL"));
    }
    narrow(search, query.channel.as_ref(), &query.event_types);
}

/// Narrows a search over `message m` by channel and types.
pub(super) fn narrow(search: &mut Search, channel: Option<&String>, event_types: &[String]) {
    if let Some(channel) = channel {
        search.and("EXISTS (SELECT 1 FROM json_each(m.channels) WHERE value = ?)", channel.clone());
    }
    if let Some(types) = texts_to_sql(event_types) {
        search.and("m.event_type IN (SELECT value FROM json_each(?))", types);
    }
}

/// A message without its payload.
pub(super) fn read(row: &Row<'_>) -> Result<Message> {
    Ok(Message {
        no: MessageNo(row.get(0)?),
        app: AppNo(row.get(1)?),
        id: id(row, 2)?,
        event_type: row.get(3)?,
        event_id: row.get(4)?,
        channels: texts(row, 5)?,
        ordering_key: row.get::<_, Option<String>>(6)?.and_then(OrderingKey::new),
        occurred_at: maybe_time(row, 7)?,
        accepted_at: time(row, 8)?,
        expires_at: time(row, 9)?,
        raw_content_type: row.get(10)?,
        callback_url: row.get(11)?,
        deliver_at: maybe_time(row, 12)?,
        deliver_until: maybe_time(row, 13)?,
        tags: texts(row, 14)?,
        raw: None,
        payload: None,
    })
}

/// A message with its payload, from the first [`WHOLE`] columns.
pub(super) fn read_whole(row: &Row<'_>) -> Result<Message> {
    let bytes = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Vec<u8>>>(column)?.map(Bytes::from));
    Ok(Message { raw: bytes(15)?, payload: bytes(16)?, ..read(row)? })
}
