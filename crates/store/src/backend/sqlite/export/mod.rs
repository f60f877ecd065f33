//! Reading an embedded store that is carried over to PostgreSQL: in the order of keys, some rows at a time. Nothing is
//! written, and no server can start meanwhile.

mod places;
mod rows;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringback_model::Random;
use rusqlite::types::{Type, Value, ValueRef};
use rusqlite::{Connection, Error, OptionalExtension as _, Result, params_from_iter};
use sha2::{Digest as _, Sha256};

use super::connection::{FILE, open_reader};
use super::error::{open_error, unreadable};
use super::inspect::inspect;
use super::lock::Lock;
use super::schema;
use super::stretch::{ATTEMPTS, MESSAGES};
use crate::backend::migration::{Cell, Piece, Row};
use crate::{MasterKey, StoreError};
use places::Places;

/// Bytes of rows in one batch, beyond the last one.
const BATCH_BYTES: usize = 4 << 20;

/// What differs after anything was done to a store: single values and counters, what was configured, what is pending.
const STATE: [&str; 7] = [
    "SELECT name, value FROM meta ORDER BY name",
    "SELECT name, seq FROM sqlite_sequence ORDER BY name",
    "SELECT count(*), sum(version), count(deleted_at) FROM document",
    "SELECT count(*), sum(due % 1000000007) FROM delivery WHERE due IS NOT NULL",
    "SELECT count(*), sum(manual_due % 1000000007) FROM delivery WHERE manual_due IS NOT NULL",
    "SELECT count(*), sum(at % 1000000007), sum(noted_at % 1000000007) FROM upkeep",
    "SELECT (SELECT min(no) FROM message), (SELECT max(no) FROM message), (SELECT min(no) FROM notice)",
];

/// An embedded store that is carried over.
pub(in crate::backend) struct Source {
    connection: Connection,
    folder: PathBuf,
    key: MasterKey,
    random: Arc<dyn Random>,
    places: Places,
    /// The number of the last young entry of each idempotency key: it is that one which counts.
    young: HashMap<[u8; 16], i64>,
    // Last of all: the folder is free when the connection has closed.
    _lock: Lock,
}

/// Some rows of a piece.
#[derive(Debug)]
pub(in crate::backend) struct Batch {
    /// How many were read; none at the end.
    pub(in crate::backend) read: u64,
    /// The key of the last one.
    pub(in crate::backend) after: Vec<Cell>,
    /// What is to be written for them.
    pub(in crate::backend) rows: Vec<Row>,
}

/// Numbers that were drawn so far, or may have been, and single values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::backend) struct Numbers {
    pub(in crate::backend) documents: i64,
    pub(in crate::backend) messages: i64,
    pub(in crate::backend) attempts: i64,
    pub(in crate::backend) audits: i64,
    pub(in crate::backend) notices: i64,
    /// The last message that words were read of.
    pub(in crate::backend) words_read_to: i64,
    /// By how many microseconds ids of messages, and of attempts, may be ahead of their times.
    pub(in crate::backend) messages_ahead: Option<i64>,
    pub(in crate::backend) attempts_ahead: Option<i64>,
}

impl Source {
    /// Opens the store in a folder, and locks it.
    ///
    /// # Errors
    /// [`StoreError::Open`]: there is none, a server works on it, it is of another version, or sealed with another key.
    pub(in crate::backend) fn open(folder: &Path, key: MasterKey, random: Arc<dyn Random>) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(StoreError::Open(format!("there is no store in {}", folder.display())));
        }
        let lock = Lock::take(folder)?;
        let failed = |error| unreadable_source(&error);
        let connection = open_reader(&path).map_err(failed)?;
        let version = schema::version(&connection).map_err(failed)?;
        if !schema::check_version(version)?.is_empty() {
            return Err(StoreError::Open(format!(
                "the store in {} is of version {version}, older than this Ringback writes: start `ringback serve` of \
                 this version on it once, which brings it up to date, and stop it again",
                folder.display()
            )));
        }
        if !schema::is_master_key(&connection, &key).map_err(failed)? {
            return Err(StoreError::Open(format!(
                "the secrets in {} were sealed with another master key than the one given: name the one that it was \
                 made with by --master-key-file",
                folder.display()
            )));
        }
        let young = young(&connection).map_err(failed)?;
        let folder = folder.to_owned();
        Ok(Self { connection, folder, key, random, places: Places::default(), young, _lock: lock })
    }

    /// Makes sure that it is whole.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is not.
    pub(in crate::backend) fn check_whole(&self) -> Result<(), StoreError> {
        let found = inspect(&self.folder, Some(&self.key))?;
        match found.troubles.first() {
            None => Ok(()),
            Some(trouble) => Err(StoreError::Open(format!(
                "the store in {} is not whole: {trouble}. `ringback check` says more",
                self.folder.display()
            ))),
        }
    }

    /// Which store it is: what no other one has, whatever happens in it.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read.
    pub(in crate::backend) fn identity(&self) -> Result<String, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'master_key_check'";
        let check = self.connection.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0));
        Ok(hex(&Sha256::digest(check.map_err(|error| unreadable_source(&error))?)))
    }

    /// How it stands: another text after anything was done to it.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read.
    pub(in crate::backend) fn state(&self) -> Result<String, StoreError> {
        let hashed = || -> Result<_> {
            let mut hash = Sha256::new();
            for sql in STATE {
                let mut statement = self.connection.prepare(sql)?;
                let columns = statement.column_count();
                let mut found = statement.query([])?;
                while let Some(row) = found.next()? {
                    for column in 0..columns {
                        hash.update(format!("{:?};", row.get_ref(column)?));
                    }
                }
            }
            Ok(hex(&hash.finalize()))
        };
        hashed().map_err(|error| unreadable_source(&error))
    }

    /// How many rows a piece has.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read.
    pub(in crate::backend) fn count(&self, piece: Piece) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", piece.source().0);
        self.connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| unreadable_source(&error))
    }

    /// The rows of a piece that follow a key, at most so many; fewer if they are large.
    ///
    /// # Errors
    /// [`StoreError::Open`] when they cannot be read, or cannot be in PostgreSQL.
    pub(in crate::backend) fn batch(&self, piece: Piece, after: &[Cell], most: usize) -> Result<Batch, StoreError> {
        self.read(piece, after, most).map_err(|error| unreadable_source(&error))
    }

    fn read(&self, piece: Piece, after: &[Cell], most: usize) -> Result<Batch> {
        let (table, columns, key) = piece.source();
        let names: Vec<_> = columns.split(',').take(key).map(str::trim).collect();
        let (names, places) = (names.join(", "), vec!["?"; key].join(", "));
        let beyond = if after.is_empty() { String::new() } else { format!(" WHERE ({names}) > ({places})") };
        let sql = format!("SELECT {columns} FROM {table}{beyond} ORDER BY {names} LIMIT ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let limit = Value::Integer(i64::try_from(most.max(1)).unwrap_or(i64::MAX));
        let width = statement.column_count();
        let mut found = statement.query(params_from_iter(after.iter().map(value).chain([limit])))?;
        let mut batch = Batch { read: 0, after: Vec::new(), rows: Vec::new() };
        let mut bytes = 0;
        while let Some(row) = found.next()? {
            let cells = (0..width).map(|column| cell(row.get_ref(column)?, column)).collect::<Result<Row>>()?;
            bytes += cells.iter().map(Cell::size).sum::<usize>();
            batch.read += 1;
            batch.after = cells[..key].to_vec();
            self.convert(piece, cells, &mut batch.rows)?;
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(batch)
    }

    /// What was drawn so far.
    ///
    /// # Errors
    /// [`StoreError::Open`] when it cannot be read.
    pub(in crate::backend) fn numbers(&self) -> Result<Numbers, StoreError> {
        let one = |sql: &str, name: &str| self.connection.query_row(sql, [name], |row| row.get(0)).optional();
        let meta = |name: &str| one("SELECT value FROM meta WHERE name = ?1", name);
        let drawn = |name: &str| one("SELECT seq FROM sqlite_sequence WHERE name = ?1", name);
        let all = || -> Result<Numbers> {
            Ok(Numbers {
                documents: drawn("document")?.unwrap_or(0),
                messages: meta("next_message")?.unwrap_or(0),
                attempts: meta("next_attempt")?.unwrap_or(0),
                audits: drawn("audit")?.unwrap_or(0),
                notices: drawn("notice")?.unwrap_or(0),
                words_read_to: meta("mentions_read_to")?.unwrap_or(0),
                messages_ahead: meta(MESSAGES)?,
                attempts_ahead: meta(ATTEMPTS)?,
            })
        };
        all().map_err(|error| unreadable_source(&error))
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn unreadable_source(error: &Error) -> StoreError {
    match error {
        // What we have found ourselves says enough.
        Error::FromSqlConversionFailure(_, _, why) => {
            StoreError::Open(format!("the store that is carried over cannot be read: {why}"))
        }
        other => open_error("the store that is carried over cannot be read", other),
    }
}

fn young(connection: &Connection) -> Result<HashMap<[u8; 16], i64>> {
    let mut all = connection.prepare("SELECT key, no FROM idempotency_young ORDER BY no")?;
    all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn cell(value: ValueRef<'_>, column: usize) -> Result<Cell> {
    Ok(match value {
        ValueRef::Null => Cell::Nothing,
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|error| unreadable(column, Type::Text, error))?;
            Cell::Text(text.to_owned())
        }
        ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(unreadable(column, Type::Real, "no column holds such a number")),
    })
}

/// A part of a key as it is bound to a statement.
fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Number(number) => Value::Integer(*number),
        Cell::Text(text) => Value::Text(text.clone()),
        Cell::Bytes(bytes) => Value::Blob(bytes.clone()),
        // No key has any.
        Cell::Nothing | Cell::Texts(_) | Cell::Numbers(_) => Value::Null,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written to it");
        text
    })
}
