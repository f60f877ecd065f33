//! Filling a database from an embedded store: rows and how far that is in one commit, and the mark that keeps servers
//! away until all is there.

mod compare;
mod rows;

use ringback_model::{Random, Redacted};
use tokio_postgres::types::Type;

use super::address::Address;
use super::connection::{Client, Purpose, address, answered, connect, query, transaction};
use super::error::{Result, SqlError, one_line, open_error};
use super::inspect::look;
use super::schema::{self, Found, MIGRATION, is_denied};
use super::stretch::{ATTEMPTS, MESSAGES};
use super::value::{Values, get};
use crate::backend::migration::{Piece, Progress, Row, Table};
use crate::backend::sqlite::export::Numbers;
use crate::{Inspection, MasterKey, StoreError};

/// Under which name it is kept which store was carried over, once that is done.
const MIGRATED: &str = "migrated_from";

/// A database that is being filled.
pub(in crate::backend) struct Target {
    client: Client,
    /// Who is granted what a server needs, if that is another role than the one that fills.
    user: Option<String>,
    /// How far it is, as it was last kept.
    kept: String,
}

/// How a database stands.
#[derive(Debug)]
pub(in crate::backend) enum Standing {
    /// There is no store in it, or an empty one.
    Free,
    /// It is being filled.
    Begun(Progress),
    /// It was filled from this store.
    Whole(String),
}

impl Target {
    /// Connects to the database: straight, where that is named.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be reached, or is none that facts can be kept in.
    pub(in crate::backend) async fn open(url: &Redacted, migrate_url: Option<&Redacted>) -> Result<Self, StoreError> {
        let served = address(url)?;
        let straight = migrate_url.map(address).transpose()?;
        let client = reach(straight.as_ref().unwrap_or(&served)).await?;
        schema::check_server(&client).await?;
        let user = straight.as_ref().and_then(|_| served.config.get_user()).map(str::to_owned);
        Ok(Self { client, user, kept: String::new() })
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`StoreError::Open`] when there is something in it that is not ours, or it cannot be read.
    pub(in crate::backend) async fn look(&mut self) -> Result<Standing, StoreError> {
        let client = &self.client;
        let unreadable = |error| open_error("the tables of the database cannot be read", &error);
        match schema::version(client).await.map_err(unreadable)? {
            Found::Version(0) => return Ok(Standing::Free),
            Found::Version(schema::VERSION) => {}
            Found::Version(version) => {
                return Err(StoreError::Open(format!(
                    "the database holds a store of version {version}, older than this Ringback makes: give an empty \
                     one, or go on with the Ringback that began to fill it"
                )));
            }
            Found::Newer(version) => return Err(schema::newer(version)),
        }
        let migration = schema::value(client, MIGRATION).await.map_err(unreadable)?;
        if let Some(kept) = migration {
            let progress = Progress::of_text(&kept).ok_or_else(|| {
                StoreError::Open("how far the migration is cannot be read: another Ringback began it".to_owned())
            })?;
            self.kept = kept;
            return Ok(Standing::Begun(progress));
        }
        if let Some(from) = schema::value(client, MIGRATED).await.map_err(unreadable)? {
            return Ok(Standing::Whole(from));
        }
        match occupied(client).await.map_err(unreadable)? {
            None => Ok(Standing::Free),
            Some(what) => Err(StoreError::Open(format!(
                "the database holds a store already ({what}), and nothing is written over: give an empty one, or drop \
                 the schema `ringback` if nothing in it is wanted"
            ))),
        }
    }

    /// Makes the tables, and marks the database: from now on no server starts on it.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the role may not, or somebody else was quicker.
    pub(in crate::backend) async fn begin(&mut self, progress: &Progress) -> Result<(), StoreError> {
        let (client, user, text) = (&self.client, self.user.as_deref(), progress.to_text());
        let begun = transaction(client, Purpose::Write, async {
            schema::lock(client).await?;
            let found = match schema::version(client).await? {
                Found::Version(found) => found,
                Found::Newer(_) => return Ok(false),
            };
            if found > 0 && (schema::value(client, MIGRATION).await?.is_some() || occupied(client).await?.is_some()) {
                return Ok(false);
            }
            schema::make(client, found, user).await?;
            let sql = "INSERT INTO ringback.meta (name, value) VALUES ($1, $2)";
            let values = Values::default().and(MIGRATION, Type::TEXT).and(text.as_bytes(), Type::BYTEA);
            query(client, sql, &values).await?;
            Ok(true)
        });
        match begun.await {
            Ok(true) => {}
            Ok(false) => return Err(another_run()),
            Err(error) => return Err(schema::unmade(&error)),
        }
        self.kept = text;
        Ok(())
    }

    /// Makes sure that secrets will open with this key.
    ///
    /// # Errors
    /// [`StoreError::Open`] if not.
    pub(in crate::backend) async fn check_master_key(
        &self,
        key: &MasterKey,
        random: &dyn Random,
    ) -> Result<(), StoreError> {
        schema::check_master_key(&self.client, key, random).await
    }

    /// Makes sure that the role may do what is only done at the end.
    ///
    /// # Errors
    /// [`StoreError::Open`] if not.
    pub(in crate::backend) async fn check_rights(&self) -> Result<(), StoreError> {
        let sql = "SELECT bool_and(has_sequence_privilege(name, 'UPDATE')) FROM unnest(ARRAY['ringback.document_no', \
                   'ringback.message_no', 'ringback.attempt_no', pg_get_serial_sequence('ringback.audit', 'no'), \
                   pg_get_serial_sequence('ringback.notice', 'no')]) AS name";
        let asked = answered(query(&self.client, sql, &Values::default())).await;
        let may = asked.and_then(|rows| rows.first().map_or(Ok(false), |row| get(row, 0)));
        if !may.map_err(|error| open_error("the rights of the role cannot be read", &error))? {
            return Err(StoreError::Open(
                "the role may not set the sequences of the tables: name the role that owns them with --migrate-url"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Writes rows, and how far that is.
    ///
    /// # Errors
    /// [`StoreError::Open`] when they cannot be written; then nothing was.
    pub(in crate::backend) async fn write(
        &mut self,
        table: &Table,
        rows: &[Row],
        progress: &Progress,
    ) -> Result<(), StoreError> {
        let (client, text) = (&self.client, progress.to_text());
        let (sql, values) = rows::insert(table, rows);
        let written = transaction(client, Purpose::Write, async {
            // What was lost with the database is written again: a later commit is never there without the earlier ones.
            client.batch_execute("SET LOCAL synchronous_commit = off; SET LOCAL statement_timeout = '60s'").await?;
            if !move_on(client, &self.kept, &text).await? {
                return Ok(false);
            }
            if !rows.is_empty() {
                query(client, &sql, &values).await?;
            }
            Ok(true)
        });
        match written.await {
            Ok(true) => {}
            Ok(false) => return Err(another_run()),
            Err(error) => return Err(unwritten(table.name, &error)),
        }
        self.kept = text;
        Ok(())
    }

    /// What is in it now.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read.
    pub(in crate::backend) async fn inspect(&self, key: &MasterKey) -> Result<Inspection, StoreError> {
        let found = look(&self.client, schema::VERSION, Some(key)).await;
        found.map_err(|error| open_error("what was carried over cannot be read", &error))
    }

    /// Goes on with numbers where the store left them, and takes the mark away: servers may start.
    ///
    /// # Errors
    /// [`StoreError::Open`] when that cannot be written; then the next run does it.
    pub(in crate::backend) async fn finish(
        &mut self,
        progress: &Progress,
        numbers: &Numbers,
        from: &str,
    ) -> Result<(), StoreError> {
        let (client, text) = (&self.client, progress.to_text());
        let done = transaction(client, Purpose::WriteInsisting, async {
            if !move_on(client, &self.kept, &text).await? {
                return Ok(false);
            }
            set_numbers(client, numbers).await?;
            let sql = "UPDATE ringback.meta SET name = $1, value = $2 WHERE name = $3";
            let values = Values::default()
                .and(MIGRATED, Type::TEXT)
                .and(from.as_bytes(), Type::BYTEA)
                .and(MIGRATION, Type::TEXT);
            query(client, sql, &values).await?;
            Ok(true)
        });
        match done.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(another_run()),
            Err(error) => Err(unwritten("the last step", &error)),
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("user", &self.user).finish_non_exhaustive()
    }
}

async fn reach(address: &Address) -> Result<Client, StoreError> {
    connect(address).await.map_err(|error| open_error("the database cannot be reached", &error))
}

/// What is in the tables of a store, or who works on it; nothing if it is empty and nobody does.
async fn occupied(client: &Client) -> Result<Option<String>> {
    let sql = "SELECT EXISTS (SELECT FROM ringback.node WHERE leased_until > clock_timestamp())";
    if query(client, sql, &Values::default()).await?.first().map_or(Ok(false), |row| get(row, 0))? {
        return Ok(Some("and a server works on it".to_owned()));
    }
    for piece in Piece::ALL {
        let name = piece.table().name;
        let sql = format!("SELECT EXISTS (SELECT FROM ringback.{name})");
        if query(client, &sql, &Values::default()).await?.first().map_or(Ok(false), |row| get(row, 0))? {
            return Ok(Some(format!("there are {} in it", piece.name())));
        }
    }
    Ok(None)
}

/// Keeps how far it is, unless another run has gone further. Within a transaction.
async fn move_on(client: &Client, before: &str, now: &str) -> Result<bool> {
    let sql = "UPDATE ringback.meta SET value = $3 WHERE name = $1 AND value = $2 RETURNING 1";
    let values = Values::default()
        .and(MIGRATION, Type::TEXT)
        .and(before.as_bytes(), Type::BYTEA)
        .and(now.as_bytes(), Type::BYTEA);
    Ok(!query(client, sql, &values).await?.is_empty())
}

/// Numbers go on above those that were drawn, and passes where they were. Within a transaction.
async fn set_numbers(client: &Client, numbers: &Numbers) -> Result<()> {
    let sql = "SELECT setval('ringback.document_no', $1), setval('ringback.message_no', $2), \
               setval('ringback.attempt_no', $3), setval(pg_get_serial_sequence('ringback.audit', 'no'), $4), \
               setval(pg_get_serial_sequence('ringback.notice', 'no'), $5)";
    let drawn = [numbers.documents, numbers.messages, numbers.attempts, numbers.audits, numbers.notices];
    // A sequence begins at 1.
    let values = drawn.into_iter().fold(Values::default(), |values, number| values.int8(number.max(1)));
    query(client, sql, &values).await?;
    let sql = "INSERT INTO ringback.mention_cursor (shard, read_to) \
               SELECT number::bigint << 55, (number::bigint << 55) + $1 FROM generate_series(0, 255) AS number";
    query(client, sql, &Values::default().int8(numbers.words_read_to)).await?;
    for (name, ahead) in [(MESSAGES, numbers.messages_ahead), (ATTEMPTS, numbers.attempts_ahead)] {
        let Some(ahead) = ahead else { continue };
        let sql = "INSERT INTO ringback.meta (name, value) VALUES ($1, $2)";
        let values = Values::default().and(name, Type::TEXT).and(ahead.to_string().into_bytes(), Type::BYTEA);
        query(client, sql, &values).await?;
    }
    Ok(())
}

fn another_run() -> StoreError {
    StoreError::Open(
        "somebody else has written to the database meanwhile, another run of this command perhaps: run it again once \
         that has ended"
            .to_owned(),
    )
}

fn unwritten(what: &str, error: &SqlError) -> StoreError {
    let more = if is_denied(error) {
        "give the role that owns the tables with --migrate-url"
    } else {
        "run this again, and it goes on where it was"
    };
    StoreError::Open(format!("{what} cannot be written: {}; {more}", one_line(error)))
}
