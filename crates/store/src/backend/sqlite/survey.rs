//! How the messages of an application stand at one endpoint: [`survey`].

use ringback_model::DeliveryState;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, params};

use super::error::unreadable;
use super::message::{COLUMNS, WHOLE, read, read_whole, whole};
use crate::{QueueNo, SurveyQuery, Surveyed};

/// How many columns [`COLUMNS`] names.
const BARE: usize = WHOLE - 2;

/// See [`crate::Store::survey`].
pub(super) fn survey(connection: &Connection, query: &SurveyQuery) -> Result<Vec<Surveyed>> {
    let (columns, extra) = if query.with_payload { (whole!(), WHOLE) } else { (COLUMNS, BARE) };
    let status = if query.with_status {
        "(SELECT a.status FROM attempt a WHERE a.message = m.no AND a.endpoint = ?2 ORDER BY a.id DESC LIMIT 1)"
    } else {
        "NULL"
    };
    let sql = format!(
        "SELECT {columns}, m.payload IS NOT NULL OR m.raw IS NOT NULL, d.state, d.queue, {status} \
         FROM message m INDEXED BY message_by_id LEFT JOIN delivery d ON d.message = m.no AND d.endpoint = ?2 \
         WHERE m.app = ?1 AND m.id > ?3 AND m.id < ?4 ORDER BY m.id LIMIT ?5"
    );
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let values = params![query.app.0, query.endpoint.0, query.after.as_bytes(), query.before.as_bytes(), limit];
    connection
        .prepare_cached(&sql)?
        .query_map(values, |row| {
            let state = row.get::<_, Option<i64>>(extra + 1)?.map(|code| {
                DeliveryState::from_code(code).ok_or_else(|| unreadable(extra + 1, Type::Integer, "no state"))
            });
            Ok(Surveyed {
                message: if query.with_payload { read_whole(row)? } else { read(row)? },
                has_body: row.get(extra)?,
                state: state.transpose()?,
                queue: row.get::<_, Option<i64>>(extra + 2)?.map(QueueNo),
                status: row.get(extra + 3)?,
            })
        })?
        .collect()
}
