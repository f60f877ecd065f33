//! How the messages of an application stand at one endpoint: [`survey`].

use ringback_model::DeliveryState;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::{Result, SqlError};
use super::message::{WHOLE, columns, read, read_whole, whole};
use super::value::{Values, get, limit};
use crate::{QueueNo, SurveyQuery, Surveyed};

/// How many columns `columns!` names.
const BARE: usize = WHOLE - 2;

/// See [`crate::Store::survey`].
pub(super) async fn survey(client: &Client, asked: &SurveyQuery) -> Result<Vec<Surveyed>> {
    let columns = if asked.with_payload { whole!() } else { columns!() };
    let status = if asked.with_status {
        "(SELECT a.status FROM ringback.attempt a WHERE a.message = m.no AND a.endpoint = $2 ORDER BY a.id DESC LIMIT 1)"
    } else {
        "NULL::integer"
    };
    let sql = format!(
        "SELECT {columns}, m.payload IS NOT NULL OR m.raw IS NOT NULL, d.state, d.queue, {status} \
         FROM ringback.message m LEFT JOIN ringback.delivery d ON d.message = m.no AND d.endpoint = $2 \
         WHERE m.app = $1 AND m.id > $3 AND m.id < $4 ORDER BY m.id LIMIT $5"
    );
    let values = Values::default()
        .int8(asked.app.0)
        .int8(asked.endpoint.0)
        .and(asked.after.as_bytes().as_slice(), Type::BYTEA)
        .and(asked.before.as_bytes().as_slice(), Type::BYTEA)
        .int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Read, query(client, &sql, &values)).await?;
    rows.iter().map(|row| row_of(row, asked.with_payload)).collect()
}

fn row_of(row: &Row, with_payload: bool) -> Result<Surveyed> {
    let extra = if with_payload { WHOLE } else { BARE };
    let state = get::<Option<i16>>(row, extra + 1)?.map(|code| {
        DeliveryState::from_code(code.into()).ok_or_else(|| SqlError::unreadable("state", "it has no meaning here"))
    });
    Ok(Surveyed {
        message: if with_payload { read_whole(row)? } else { read(row)? },
        has_body: get(row, extra)?,
        state: state.transpose()?,
        queue: get::<Option<i64>>(row, extra + 2)?.map(QueueNo),
        status: get::<Option<i32>>(row, extra + 3)?.and_then(|status| u16::try_from(status).ok()),
    })
}
