//! Tables and their versions.
//!
//! Everything is in a schema of its own, `ringback`, so that the database may be shared with others. It carries the
//! number of its version. An older one is brought up to date in one transaction, by one node at a time; a newer one is
//! refused, because this version does not know what it would break.

use ringback_model::Random;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::address::Address;
use super::connection::{Client, Purpose, answered, connect, query, transaction};
use super::error::{Result, SqlError, open_error};
use super::value::{Values, get};
use crate::{MasterKey, StoreError};

/// What makes version `n + 1` of version `n`. A step that was released is never changed.
const STEPS: [&str; 15] = [
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
    include_str!("schema_15.sql"),
];

/// What one node holds while it changes tables: a number that nobody else is likely to lock, "ringback" in bytes.
const LOCK: i64 = i64::from_be_bytes(*b"ringback");

/// Where single values are kept: `version`, `master_key_check`, `pings`, by how much ids are ahead.
const META: &str = "CREATE SCHEMA IF NOT EXISTS ringback; \
                    CREATE TABLE IF NOT EXISTS ringback.meta (name text PRIMARY KEY, value bytea NOT NULL)";

/// The version that this Ringback makes.
pub(super) const VERSION: usize = STEPS.len();

/// Under which name it is kept how far a migration from an embedded store is, until it is done.
pub(super) const MIGRATION: &str = "migration";

/// What was found of the tables.
pub(super) enum Found {
    Version(usize),
    Newer(i64),
}

/// Brings the tables up to date. Where `migrate` leads elsewhere than `address`, or in as another role, it is only asked
/// when there is something to do, and the role of `address` is granted what it needs.
///
/// # Errors
/// [`StoreError::Open`] when the database cannot be reached or written, the tables are newer than this version of
/// Ringback, or a step fails; then nothing was changed.
pub(super) async fn migrate(address: &Address, migrate: Option<&Address>) -> Result<(), StoreError> {
    let client = connect(address).await.map_err(|error| open_error("the database cannot be reached", &error))?;
    check_server(&client).await?;
    match version(&client).await.map_err(|error| open_error("the tables cannot be read", &error))? {
        Found::Version(version) if version == STEPS.len() => return Ok(()),
        Found::Version(_) => {}
        Found::Newer(version) => return Err(newer(version)),
    }
    let Some(migrate) = migrate else { return bring_up(&client, None).await };
    let direct = connect(migrate).await.map_err(|error| open_error("the database cannot be reached", &error))?;
    bring_up(&direct, address.config.get_user()).await
}

pub(super) fn newer(version: i64) -> StoreError {
    StoreError::Open(format!(
        "the store is of version {version}, newer than this Ringback, which knows versions up to {}: use the Ringback \
         that wrote it, or a newer one",
        STEPS.len()
    ))
}

/// Looks whether the server is one that facts can be kept in.
pub(super) async fn check_server(client: &Client) -> Result<(), StoreError> {
    let failed = |error: SqlError| open_error("the settings of the database cannot be read", &error);
    let sql = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on', \
               current_setting('server_version_num')::bigint, current_setting('server_encoding'), \
               current_setting('fsync') = 'off', current_setting('full_page_writes') = 'off'";
    let rows = answered(query(client, sql, &Values::default())).await.map_err(failed)?;
    let Some(row) = rows.first() else { return Ok(()) };
    let version: i64 = get(row, 1).map_err(failed)?;
    let encoding: String = get(row, 2).map_err(failed)?;
    if get(row, 0).map_err(failed)? {
        return Err(StoreError::Open("the database is read-only: give the URL of the primary".to_owned()));
    }
    if version < 14_00_00 {
        return Err(StoreError::Open(format!("PostgreSQL {} is too old: 14 or later is needed", version / 10_000)));
    }
    if encoding != "UTF8" {
        return Err(StoreError::Open(format!("the database is encoded as {encoding}: it has to be UTF8")));
    }
    for (column, setting) in [(3, "fsync"), (4, "full_page_writes")] {
        if get(row, column).map_err(failed)? {
            tracing::warn!(setting, "the database has this off: after a power cut messages may be lost");
        }
    }
    Ok(())
}

/// Whether the server would answer before a commit is on its disk.
pub(super) async fn answers_too_early(client: &Client) -> Result<bool, StoreError> {
    let failed = |error: SqlError| open_error("the settings of the database cannot be read", &error);
    let sql = "SELECT current_setting('synchronous_commit') = 'off'";
    let rows = answered(query(client, sql, &Values::default())).await.map_err(failed)?;
    rows.first().map_or(Ok(false), |row| get(row, 0)).map_err(failed)
}

/// The version of the tables; 0 if there are none.
pub(super) async fn version(client: &Client) -> Result<Found> {
    let exists = query(client, "SELECT to_regclass('ringback.meta') IS NOT NULL", &Values::default()).await?;
    if !exists.first().map_or(Ok(false), |row| get(row, 0))? {
        return Ok(Found::Version(0));
    }
    let sql = "SELECT convert_from(value, 'UTF8')::bigint FROM ringback.meta WHERE name = 'version'";
    let Some(row) = query(client, sql, &Values::default()).await?.pop() else { return Ok(Found::Version(0)) };
    let version: i64 = get(&row, 0)?;
    Ok(match usize::try_from(version) {
        Ok(known) if known <= STEPS.len() => Found::Version(known),
        _ => Found::Newer(version),
    })
}

async fn bring_up(client: &Client, user: Option<&str>) -> Result<(), StoreError> {
    let work = transaction(client, Purpose::Write, async {
        lock(client).await?;
        match version(client).await? {
            Found::Version(found) => make(client, found, user).await.map(|()| None),
            Found::Newer(version) => Ok(Some(version)),
        }
    });
    match work.await {
        Ok(None) => Ok(()),
        Ok(Some(version)) => Err(newer(version)),
        Err(error) => Err(unmade(&error)),
    }
}

/// Keeps all others from making tables until the end of the transaction, and makes the place where their version is kept.
pub(super) async fn lock(client: &Client) -> Result<()> {
    // IMPORTANT: no waiting for long behind others' transactions, because everybody else would wait behind us.
    client.batch_execute("SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '60s'").await?;
    query(client, "SELECT pg_advisory_xact_lock($1)", &Values::default().int8(LOCK)).await?;
    // Before anything is asked: whoever has asked for tables that another has made meanwhile hears that there are none
    // until it makes something itself.
    Ok(client.batch_execute(META).await?)
}

/// Makes what tables of version `found` lack; a role other than the present one is granted what it needs. Within a
/// transaction that has the [`lock`].
pub(super) async fn make(client: &Client, found: usize, user: Option<&str>) -> Result<()> {
    for step in &STEPS[found..] {
        client.batch_execute(step).await?;
    }
    let sql = "INSERT INTO ringback.meta (name, value) VALUES ('version', $1) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let version = STEPS.len().to_string();
    query(client, sql, &Values::default().and(version.as_bytes(), Type::BYTEA)).await?;
    if let Some(user) = user {
        client.batch_execute(&grant(user)).await?;
    }
    Ok(())
}

/// Why tables could not be made.
pub(super) fn unmade(error: &SqlError) -> StoreError {
    if is_denied(error) {
        return open_error(
            "the role may not make the tables: grant it CREATE on the database, or give another one for migrations",
            error,
        );
    }
    open_error("the tables cannot be brought up to date", error)
}

fn grant(user: &str) -> String {
    let user = quoted(user);
    format!(
        "GRANT USAGE ON SCHEMA ringback TO {user}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ringback TO {user}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA ringback TO {user}"
    )
}

/// The name of a role as a statement has it.
pub(super) fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}

pub(super) fn is_denied(error: &SqlError) -> bool {
    matches!(error, SqlError::Postgres(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE))
}

/// Makes sure that the store is not one that is still being filled.
///
/// # Errors
/// [`StoreError::Open`] if it is.
pub(super) async fn check_filled(client: &Client) -> Result<(), StoreError> {
    match is_being_filled(client).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(StoreError::Open(format!(
            "{HALF_FILLED}: run that command again until it says that the store is whole, or drop the schema `ringback` \
             if nothing in it is wanted"
        ))),
        Err(error) => Err(open_error("the tables cannot be read", &error)),
    }
}

/// What is wrong with a store that is still being filled.
pub(super) const HALF_FILLED: &str = "`ringback migrate-store` has not carried everything over into this store";

/// Whether a migration from an embedded store has begun and is not done.
pub(super) async fn is_being_filled(client: &Client) -> Result<bool> {
    Ok(value(client, MIGRATION).await?.is_some())
}

/// A single value that is kept as text.
pub(super) async fn value(client: &Client, name: &str) -> Result<Option<String>> {
    let sql = "SELECT convert_from(value, 'UTF8') FROM ringback.meta WHERE name = $1";
    let rows = query(client, sql, &Values::default().and(name, Type::TEXT)).await?;
    rows.first().map(|row| get(row, 0)).transpose()
}

/// Where the check value of the master key is bound to.
const CHECK_PLACE: &[u8] = b"master key check";
const CHECK_TEXT: &[u8] = b"ringback";

/// Makes sure that the store's secrets are sealed with this key: a new store notes it, another one compares.
///
/// # Errors
/// [`StoreError::Open`] when it is another key.
pub(super) async fn check_master_key(client: &Client, key: &MasterKey, random: &dyn Random) -> Result<(), StoreError> {
    let sealed = key.seal(random, CHECK_PLACE, CHECK_TEXT);
    // Of two nodes that start at once, both compare with what the first has noted.
    let noted = transaction(client, Purpose::Write, async {
        let note = "INSERT INTO ringback.meta (name, value) VALUES ('master_key_check', $1) ON CONFLICT DO NOTHING";
        query(client, note, &Values::default().and(sealed, Type::BYTEA)).await?;
        let sql = "SELECT value FROM ringback.meta WHERE name = 'master_key_check'";
        let rows = query(client, sql, &Values::default()).await?;
        rows.first().map(|row| get::<Vec<u8>>(row, 0)).transpose()
    });
    let noted = answered(noted).await.map_err(|error| open_error("the master key cannot be checked", &error))?;
    key.open(CHECK_PLACE, &noted.unwrap_or_default()).map(drop).map_err(|error| {
        StoreError::Open(format!(
            "{error}: the secrets in this store were sealed with another one. Give the master.key that it was made with"
        ))
    })
}

/// Whether the store's secrets are sealed with this key.
pub(super) async fn is_master_key(client: &Client, key: &MasterKey) -> Result<bool> {
    let sql = "SELECT value FROM ringback.meta WHERE name = 'master_key_check'";
    let rows = query(client, sql, &Values::default()).await?;
    let check = rows.first().map(|row| get::<Vec<u8>>(row, 0)).transpose()?;
    Ok(check.is_some_and(|check| key.open(CHECK_PLACE, &check).is_ok()))
}

/// Takes 128 KiB of room that the database has to find, and gives it back. Within a transaction.
pub(super) async fn take_room(client: &Client) -> Result<()> {
    let take = "INSERT INTO ringback.meta (name, value) \
                SELECT 'room', string_agg(decode(md5(random()::text), 'hex'), '') FROM generate_series(1, 8192) \
                ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    query(client, take, &Values::default()).await?;
    query(client, "DELETE FROM ringback.meta WHERE name = 'room'", &Values::default()).await.map(drop)
}

/// Writes something, so that it is seen whether writing works.
pub(super) async fn note_ping(client: &Client) -> Result<()> {
    let sql = "INSERT INTO ringback.meta (name, value) VALUES ('pings', '\\x01') \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    query(client, sql, &Values::default()).await.map(drop)
}
