//! A look at a store beside its server: what is in it, and whether it is whole. Nothing is written.

use std::path::Path;

use ringback_model::DeliveryState;
use rusqlite::{Connection, Result};

use super::connection::{FILE, open_reader};
use super::error::open_error;
use super::{backlog, document, schema};
use crate::{Inspection, MasterKey, StoreError};

/// What must find nothing, and what it means if it does.
const LAWS: [(&str, &str); 4] = [
    (
        "SELECT count(*) FROM delivery WHERE NOT EXISTS (SELECT 1 FROM message WHERE no = delivery.message)",
        "deliveries without their message",
    ),
    (
        "SELECT count(*) FROM delivery WHERE state <> 1 AND due IS NOT NULL",
        "deliveries that have ended and are due all the same",
    ),
    (
        "SELECT count(*) FROM delivery WHERE state = 1 AND due IS NULL AND manual_due IS NULL AND queue IS NULL",
        "pending deliveries that will never be due",
    ),
    (
        "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_queue WHERE queue IS NOT NULL AND state = 1 \
         GROUP BY endpoint, queue HAVING count(due) <> 1)",
        "queues whose head is not due, or that have more than one",
    ),
];

/// Looks at the store in a folder, also beside its server. With the master key it is seen whether secrets open.
///
/// # Errors
/// [`StoreError::Open`] when there is none, or it cannot be read at all.
pub fn inspect(folder: &Path, key: Option<&MasterKey>) -> Result<Inspection, StoreError> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(StoreError::Open(format!("there is no store in {}", folder.display())));
    }
    let failed = |error: rusqlite::Error| open_error(&format!("{} cannot be read", path.display()), &error);
    let connection = open_reader(&path).map_err(failed)?;
    let version = schema::version(&connection).map_err(failed)?;
    schema::check_version(version)?;
    read(&connection, version, key).map_err(failed)
}

fn read(connection: &Connection, version: i64, key: Option<&MasterKey>) -> Result<Inspection> {
    let mut found = Inspection { version, troubles: damage(connection)?, ..Inspection::default() };
    // In a damaged file counts mean nothing, and may not come to an end.
    if !found.troubles.is_empty() {
        return Ok(found);
    }
    let snapshot = connection.unchecked_transaction()?;
    let count = |sql: &str| snapshot.query_row(sql, [], |row| row.get::<_, u64>(0));
    found.messages = count("SELECT count(*) FROM message")?;
    found.attempts = count("SELECT count(*) FROM attempt")?;
    found.documents = count("SELECT count(*) FROM document WHERE deleted_at IS NULL")?;
    let mut states = snapshot.prepare("SELECT state, count(*) FROM delivery GROUP BY state ORDER BY state")?;
    for row in states.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u64>(1)?)))? {
        let (state, count) = row?;
        match DeliveryState::from_code(state) {
            Some(state) => found.deliveries.push((state, count)),
            None => found.troubles.push(format!("{count} deliveries are in a state that there is none of ({state})")),
        }
    }
    for (law, meaning) in LAWS {
        match count(law)? {
            0 => {}
            broken => found.troubles.push(format!("{broken} {meaning}")),
        }
    }
    if let Some(key) = key {
        found.troubles.extend(secrets(&snapshot, key)?);
    }
    drop(states);
    drop(snapshot);
    found.backlog = backlog::pending(connection, u64::MAX)?.all;
    Ok(found)
}

/// What SQLite itself finds wrong with the file.
fn damage(connection: &Connection) -> Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").map(|line| format!("damaged: {line}")).collect())
}

fn secrets(connection: &Connection, key: &MasterKey) -> Result<Option<String>> {
    if !schema::is_master_key(connection, key)? {
        return Ok(Some("the master key is not the one that secrets were sealed with".to_owned()));
    }
    let sealed = document::secrets(connection)?;
    let closed = sealed.iter().filter(|sealed| key.open(&sealed.place, &sealed.secret).is_err());
    Ok(Some(closed.count()).filter(|count| *count > 0).map(|count| format!("{count} secrets do not open")))
}
