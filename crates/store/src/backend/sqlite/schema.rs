//! Tables and their versions.
//!
//! A store carries the number of its version (`user_version`). An older one is brought up to date in one transaction; a
//! newer one is refused, because this version does not know what it would break.

use ringback_model::Random;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::error::open_error;
use crate::{MasterKey, StoreError};

/// What makes version `n + 1` of version `n`. A step that was released is never changed.
const STEPS: [&str; 14] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
    include_str!("schema_11.sql"),
    include_str!("schema_12.sql"),
    include_str!("schema_13.sql"),
    include_str!("schema_14.sql"),
];

/// Brings the tables up to date.
///
/// # Errors
/// [`StoreError::Open`] when the store is newer than this version of Ringback, or a step fails; then nothing was changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| open_error("the tables of the store cannot be brought up to date", &error);
    let known = STEPS.len();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let steps = check_version(version(&transaction).map_err(failed)?)?;
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    if !steps.is_empty() {
        transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// The version of the tables.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What has to be done to a store of this version.
///
/// # Errors
/// [`StoreError::Open`] when it is newer than this version of Ringback.
pub(super) fn check_version(version: i64) -> Result<&'static [&'static str], StoreError> {
    usize::try_from(version).ok().and_then(|version| STEPS.get(version..)).ok_or_else(|| {
        StoreError::Open(format!(
            "the store is of version {version}, newer than this Ringback, which knows versions up to {}: \
             use the Ringback that wrote it, or a newer one",
            STEPS.len()
        ))
    })
}

/// Whether the store's secrets are sealed with this key.
pub(super) fn is_master_key(connection: &Connection, key: &MasterKey) -> rusqlite::Result<bool> {
    let check: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'master_key_check'", [], |row| row.get(0))
        .optional()?;
    Ok(check.is_some_and(|check| key.open(CHECK_PLACE, &check).is_ok()))
}

/// Notes that the store's secrets are sealed with this key from now on.
pub(super) fn set_master_key(connection: &Connection, key: &MasterKey, random: &dyn Random) -> rusqlite::Result<()> {
    let check = key.seal(random, CHECK_PLACE, CHECK_TEXT);
    connection.execute("UPDATE meta SET value = ?1 WHERE name = 'master_key_check'", params![check]).map(drop)
}

/// Where the check value of the master key is bound to.
const CHECK_PLACE: &[u8] = b"master key check";
const CHECK_TEXT: &[u8] = b"ringback";

/// Makes sure that the store's secrets are sealed with this key: a new store notes it, another one compares.
///
/// # Errors
/// [`StoreError::Open`] when it is another key.
pub(super) fn check_master_key(
    connection: &Connection,
    key: &MasterKey,
    random: &dyn Random,
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| open_error("the master key cannot be checked", &error);
    let check: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'master_key_check'", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    match check {
        Some(check) => key.open(CHECK_PLACE, &check).map(drop).map_err(|error| {
            StoreError::Open(format!(
                "{error}: the secrets in this store were sealed with another one. Give the master.key that it was made \
                 with; if `ringback rekey` was interrupted, run it again"
            ))
        }),
        None => connection
            .execute(
                "INSERT INTO meta (name, value) VALUES ('master_key_check', ?1)",
                params![key.seal(random, CHECK_PLACE, CHECK_TEXT)],
            )
            .map(drop)
            .map_err(failed),
    }
}

/// Writes something, so that it is seen whether writing works.
pub(super) fn note_ping(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES ('pings', 1) ON CONFLICT DO UPDATE SET value = value + 1",
        )?
        .execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_version_1_keeps_what_it_has_and_gets_what_is_new() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(STEPS[0]).unwrap();
        let rows = "INSERT INTO message (no, app, id, event_type, priority, accepted_at, expires_at, payload) \
                    VALUES (1, 1, x'00', 'a', 5, 0, 9, x'7b7d'); \
                    INSERT INTO delivery (message, endpoint, state, priority, tries, unsent, due) \
                    VALUES (1, 7, 1, 5, 2, 0, 3); PRAGMA user_version = 1";
        connection.execute_batch(rows).unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let sql = "SELECT d.due, d.held, m.callback_url, m.payload FROM delivery d JOIN message m ON m.no = d.message";
        let row: (i64, Option<i64>, Option<String>, Vec<u8>) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        assert_eq!(row, (3, None, None, b"{}".to_vec()));
    }
}
