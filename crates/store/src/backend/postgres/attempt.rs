//! Attempts: how they are read. `finish.rs` records them.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{Attempt, AttemptId, AttemptOutcome, EndpointNo, Exchange, LeftOut, MessageNo, Phases, Trigger};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::{Result, SqlError};
use super::message;
use super::stretch;
use super::value::{Search, Values, coded, get, id, time};
use crate::backend::stretch::AMISS;
use crate::{AttemptQuery, AttemptScope, Hits};

const COLUMNS: &str = "a.no, a.id, a.message, a.endpoint, a.started_at, a.by_hand, a.outcome, a.status, a.url, \
                       a.response, a.dns_us, a.connect_us, a.tls_us, a.first_byte_us, a.total_us, a.address, \
                       a.left_out";

/// See [`crate::Store::attempt`].
pub(super) async fn find(client: &Client, message: MessageNo, id: AttemptId) -> Result<Option<Attempt>> {
    let sql = format!("SELECT {COLUMNS} FROM ringback.attempt a WHERE a.message = $1 AND a.id = $2");
    let values = Values::default().int8(message.0).and(id.as_bytes().as_slice(), Type::BYTEA);
    transaction(client, Purpose::Read, query(client, &sql, &values)).await?.first().map(read).transpose()
}

/// See [`crate::Store::attempts`].
pub(super) async fn page(client: &Client, search: &AttemptQuery) -> Result<Hits<Attempt, AttemptId>> {
    let join = if search.channel.is_some() || search.tag.is_some() || !search.event_types.is_empty() {
        "JOIN ringback.message m ON m.no = a.message"
    } else {
        ""
    };
    let select = |condition: &str| format!("SELECT {COLUMNS} FROM ringback.attempt a {join} WHERE {condition}");
    let mut found = match search.scope {
        AttemptScope::Message { message, endpoint } => {
            let mut found = Search::new(select("a.message = $1"), Values::default().int8(message.0));
            if let Some(endpoint) = endpoint {
                found.and("a.endpoint = ?", endpoint.0, Type::INT8);
            }
            found
        }
        AttemptScope::Endpoint(endpoint) => {
            let among = if search.is_of_those_amiss() { AMISS } else { "" };
            Search::new(select(&format!("a.endpoint = $1{among}")), Values::default().int8(endpoint.0))
        }
    };
    if let Some(after) = search.after {
        found.and("a.started_at > ?", after.as_micros(), Type::INT8);
    }
    if let Some(before) = search.before {
        found.and("a.started_at < ?", before.as_micros(), Type::INT8);
    }
    match search.succeeded {
        Some(true) => found.and_plain("a.outcome = 0"),
        Some(false) => found.and_plain("a.outcome <> 0"),
        None => {}
    }
    match search.status_class {
        Some(0) => found.and_plain("a.status IS NULL"),
        Some(class) => found.and("a.status / 100 = ?", i32::from(class / 100), Type::INT4),
        None => {}
    }
    message::narrow(&mut found, search.channel.as_deref(), &search.event_types);
    if let Some(tag) = &search.tag {
        found.and("? = ANY (m.tags)", tag.as_bytes(), Type::BYTEA);
    }
    let (rows, horizon) = transaction(client, Purpose::Search, async {
        let stretch = stretch::of_attempts(client, search).await?;
        found.and_within(&stretch);
        let (sql, values) = found.finish(&stretch.order(), search.paging.limit);
        Ok((query(client, &sql, &values).await?, stretch.horizon))
    })
    .await?;
    Ok(Hits::new(rows.iter().map(read).collect::<Result<_>>()?, search.paging.limit, horizon))
}

fn read(row: &Row) -> Result<Attempt> {
    let status = get::<Option<i32>>(row, 7)?.and_then(|status| u16::try_from(status).ok());
    let duration = |column| Ok::<_, SqlError>(Duration::from_micros(get::<i32>(row, column)?.unsigned_abs().into()));
    Ok(Attempt {
        no: get(row, 0)?,
        id: id(row, 1)?,
        message: MessageNo(get(row, 2)?),
        endpoint: EndpointNo(get(row, 3)?),
        started_at: time(row, 4)?,
        trigger: if get(row, 5)? { Trigger::Manual } else { Trigger::Scheduled },
        outcome: coded(row, 6, |code| AttemptOutcome::from_code(code, status.unwrap_or(0)))?,
        url: get(row, 8)?,
        exchange: Exchange {
            status,
            response: Bytes::from(get::<Vec<u8>>(row, 9)?),
            phases: Phases {
                dns: duration(10)?,
                connect: duration(11)?,
                tls: duration(12)?,
                first_byte: duration(13)?,
                total: duration(14)?,
            },
            address: address(row, 15)?,
            left_out: LeftOut::from_code(get::<i16>(row, 16)?.into()),
        },
    })
}

/// As many microseconds as a column of 32 bits takes: over half an hour.
pub(super) fn micros(duration: Duration) -> i32 {
    i32::try_from(duration.as_micros()).unwrap_or(i32::MAX)
}

/// The 4 or 16 bytes of an address.
pub(super) fn address_to_sql(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn address(row: &Row, column: usize) -> Result<Option<IpAddr>> {
    let Some(bytes) = get::<Option<Vec<u8>>>(row, column)? else { return Ok(None) };
    if let Ok(v4) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Ok(Some(v4.into()));
    }
    match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(v6) => Ok(Some(v6.into())),
        Err(error) => Err(SqlError::unreadable("address", error)),
    }
}
