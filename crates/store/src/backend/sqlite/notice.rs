//! What was noticed and is still to be told.

use ringback_model::Notice;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, params};

use super::error::unreadable;
use crate::Noticed;
use crate::notice::to_text;

/// Keeps a notice beside what it is about.
pub(super) fn note(connection: &Connection, notice: &Notice) -> Result<()> {
    connection.prepare_cached("INSERT INTO notice (body) VALUES (?1)")?.execute([to_text(notice)]).map(drop)
}

/// See [`crate::Store::notices`].
pub(super) fn notices(connection: &Connection, limit: usize) -> Result<Vec<Noticed>> {
    connection
        .prepare_cached("SELECT no, body FROM notice ORDER BY no LIMIT ?1")?
        .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            let body = row.get_ref(1)?.as_str()?;
            let notice = serde_json::from_str(body).map_err(|error| unreadable(1, Type::Text, error))?;
            Ok(Noticed { no: row.get(0)?, notice })
        })?
        .collect()
}

/// See [`crate::Store::forget_notices`].
pub(super) fn forget(connection: &Connection, numbers: &[i64]) -> Result<()> {
    let mut forget = connection.prepare_cached("DELETE FROM notice WHERE no = ?1")?;
    for no in numbers {
        forget.execute(params![no])?;
    }
    Ok(())
}
