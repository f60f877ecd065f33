//! Tables and their versions.
//!
//! A store carries the number of its version (`user_version`). An older one is brought up to date in one transaction; a
//! newer one is refused, because this version does not know what it would break.

use ringback_model::Random;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::error::open_error;
use crate::{MasterKey, StoreError};

/// What makes version `n + 1` of version `n`. A step that was released is never changed.
const STEPS: [&str; 1] = [include_str!("schema.sql")];

/// Brings the tables up to date.
///
/// # Errors
/// [`StoreError::Open`] when the store is newer than this version of Ringback, or a step fails; then nothing was changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| open_error("the tables of the store cannot be brought up to date", &error);
    let known = STEPS.len();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let steps = usize::try_from(version).ok().and_then(|version| STEPS.get(version..)).ok_or_else(|| {
        StoreError::Open(format!(
            "the store is of version {version}, newer than this Ringback, which knows versions up to {known}: \
             use the Ringback that wrote it, or a newer one"
        ))
    })?;
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    if !steps.is_empty() {
        transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
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
                 with"
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
