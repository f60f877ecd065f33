//! Attempts: how they are recorded and read.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{Attempt, AttemptId, AttemptOutcome, EndpointNo, Exchange, LeftOut, MessageNo, Phases, Trigger};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params, params_from_iter};

use super::batch::Batch;
use super::error::unreadable;
use super::hot::Hot;
use super::message;
use super::stretch;
use super::value::{At, Search, coded, id, time};
use crate::backend::stretch::AMISS;
use crate::{AttemptQuery, AttemptScope, Finish, Hits, NewAttempt};

const COLUMNS: &str = "a.no, a.id, a.message, a.endpoint, a.started_at, a.by_hand, a.outcome, a.status, a.url, \
                       a.response, a.dns_us, a.connect_us, a.tls_us, a.first_byte_us, a.total_us, a.address, \
                       a.left_out";

/// Records the attempts of an outcome under the next numbers.
pub(super) fn insert(batch: &mut Batch<'_>, item: &Finish) -> Result<()> {
    if let Some(earlier) = &item.earlier {
        insert_one(batch, item, earlier)?;
    }
    insert_one(batch, item, &item.attempt)
}

fn insert_one(batch: &mut Batch<'_>, item: &Finish, attempt: &NewAttempt) -> Result<()> {
    let exchange = &attempt.exchange;
    let phases = &exchange.phases;
    stretch::note_ahead(batch.connection, stretch::ATTEMPTS, &attempt.id, attempt.started_at)?;
    let no = batch.attempts.draw();
    batch.hot(Hot::InsertAttempt)?.execute(params![
        item.message.0,
        attempt.id.as_bytes(),
        item.endpoint.0,
        no,
        At(attempt.started_at),
        attempt.trigger == Trigger::Manual,
        attempt.outcome.code(),
        exchange.status,
        micros(phases.dns),
        micros(phases.connect),
        micros(phases.tls),
        micros(phases.first_byte),
        micros(phases.total),
        exchange.address.map(address_to_sql).as_deref(),
        &*attempt.url,
        &*exchange.response,
        exchange.left_out.map_or(0, |what| what as u8),
    ])?;
    Ok(())
}

/// See [`crate::Store::attempt`].
pub(super) fn find(connection: &Connection, message: MessageNo, id: AttemptId) -> Result<Option<Attempt>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM attempt a WHERE a.message = ?1 AND a.id = ?2"))?
        .query_row(params![message.0, id.as_bytes()], read)
        .optional()
}

/// In which index the attempts of an endpoint are looked for, and the condition of that index.
pub(super) const fn index(query: &AttemptQuery) -> (&'static str, &'static str) {
    if query.is_of_those_amiss() { ("attempt_amiss", AMISS) } else { ("attempt_by_endpoint", "") }
}

/// See [`crate::Store::attempts`].
pub(super) fn page(connection: &Connection, query: &AttemptQuery) -> Result<Hits<Attempt, AttemptId>> {
    let stretch = stretch::of_attempts(connection, query)?;
    let join = if query.channel.is_some() || query.tag.is_some() || !query.event_types.is_empty() {
        "JOIN message m ON m.no = a.message"
    } else {
        ""
    };
    let mut search = match query.scope {
        AttemptScope::Message { message, endpoint } => {
            let sql = format!("SELECT {COLUMNS} FROM attempt a {join} WHERE a.message = ?");
            let mut search = Search::new(sql, vec![message.0.into()]);
            if let Some(endpoint) = endpoint {
                search.and("a.endpoint = ?", endpoint.0);
            }
            search
        }
        AttemptScope::Endpoint(endpoint) => {
            let (index, among) = index(query);
            let sql = format!("SELECT {COLUMNS} FROM attempt a INDEXED BY {index} {join} WHERE a.endpoint = ?{among}");
            Search::new(sql, vec![endpoint.0.into()])
        }
    };
    search.and_within(&stretch);
    if let Some(after) = query.after {
        search.and("a.started_at > ?", after.as_micros());
    }
    if let Some(before) = query.before {
        search.and("a.started_at < ?", before.as_micros());
    }
    match query.succeeded {
        Some(true) => search.and_plain("a.outcome = 0"),
        Some(false) => search.and_plain("a.outcome <> 0"),
        None => {}
    }
    match query.status_class {
        Some(0) => search.and_plain("a.status IS NULL"),
        Some(class) => search.and("a.status / 100 = ?", i64::from(class / 100)),
        None => {}
    }
    message::narrow(&mut search, query.channel.as_ref(), &query.event_types);
    if let Some(tag) = &query.tag {
        search.and("EXISTS (SELECT 1 FROM json_each(m.tags) WHERE value = ?)", tag.clone());
    }
    let (sql, values) = search.finish(&stretch.order(), query.paging.limit);
    let items = connection.prepare_cached(&sql)?.query_map(params_from_iter(values), read)?.collect::<Result<_>>()?;
    Ok(Hits::new(items, query.paging.limit, stretch.horizon))
}

fn read(row: &Row<'_>) -> Result<Attempt> {
    let status: Option<u16> = row.get(7)?;
    let duration = |column| row.get(column).map(Duration::from_micros);
    Ok(Attempt {
        no: row.get(0)?,
        id: id(row, 1)?,
        message: MessageNo(row.get(2)?),
        endpoint: EndpointNo(row.get(3)?),
        started_at: time(row, 4)?,
        trigger: if row.get(5)? { Trigger::Manual } else { Trigger::Scheduled },
        outcome: coded(row, 6, |code| AttemptOutcome::from_code(code, status.unwrap_or(0)))?,
        url: row.get(8)?,
        exchange: Exchange {
            status,
            response: Bytes::from(row.get::<_, Vec<u8>>(9)?),
            phases: Phases {
                dns: duration(10)?,
                connect: duration(11)?,
                tls: duration(12)?,
                first_byte: duration(13)?,
                total: duration(14)?,
            },
            address: address(row, 15)?,
            left_out: LeftOut::from_code(row.get(16)?),
        },
    })
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The 4 or 16 bytes of an address.
fn address_to_sql(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn address(row: &Row<'_>, column: usize) -> Result<Option<IpAddr>> {
    let Some(bytes) = row.get_ref(column)?.as_blob_or_null()? else { return Ok(None) };
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(Some(v4.into()));
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(v6) => Ok(Some(v6.into())),
        Err(error) => Err(unreadable(column, Type::Blob, error)),
    }
}
