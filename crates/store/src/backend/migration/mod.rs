//! From an embedded store to one in PostgreSQL: [`migrate`].
//!
//! Rows are read in the order of their keys (`sqlite/export`), get the numbers that PostgreSQL would have given them, and
//! are written some at a time (`postgres/import`), each time with how far that is in the same commit (`progress.rs`). So a
//! run may be killed at any moment, and the next one goes on. Until all of it is there and was compared, the database is
//! marked, and no server starts on it.
//!
//! What changes on the way are numbers alone. In PostgreSQL the number of an application and of all that belongs to it
//! carries their shard in its highest bits; what stands below them stays as it was, and with it the order within an
//! application and the places that consumers of pollers hold. Secrets are bound to the number of what they belong to, so
//! they are sealed anew, with the same key.

mod cell;
mod piece;
mod progress;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use ringback_model::{Random, Redacted};

pub(in crate::backend) use cell::{Cell, Row};
pub(in crate::backend) use piece::{Column, Piece, Table};
pub(in crate::backend) use progress::{Progress, SUM_END};

use super::postgres::import::{Standing, Target};
use super::sqlite::export::{Batch, Source};
use crate::{Inspection, MasterKey, StoreError};

/// What is to be carried over, and where to.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The folder of the embedded store. It is only read; no server may run on it.
    pub folder: PathBuf,
    /// The database: as servers will reach it.
    pub url: Redacted,
    /// Where tables are made and filled, if that is another place or another role: the role of `url` is granted what a
    /// server needs.
    pub migrate_url: Option<Redacted>,
    /// What secrets are sealed with, in both.
    pub master_key: MasterKey,
    /// Where nonces come from.
    pub random: Arc<dyn Random>,
    /// Rows in one commit, at most; less if they are large.
    pub rows: usize,
}

/// How far a piece is, told after each commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// What is carried over at present.
    pub what: &'static str,
    /// Rows that are over.
    pub rows: u64,
    /// Rows that there are.
    pub of: u64,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migrated {
    /// All is there, was compared, and servers may start.
    Whole {
        /// What is in the database now.
        found: Inspection,
        /// This run went on where another one had been.
        resumed: bool,
    },
    /// It was whole before: nothing was done.
    Before,
    /// Whoever was told has asked to stop. The next run goes on.
    Stopped,
}

/// Carries everything over, from where the last run was. `passed` is told of each commit, and may ask to stop.
///
/// # Errors
/// [`StoreError::Open`], on one line, when one of the two is not as it has to be, or cannot be read or written. What was
/// written until then stays, and the next run goes on behind it.
pub async fn migrate(
    migration: Migration,
    mut passed: impl FnMut(Passed) -> ControlFlow<()>,
) -> Result<Migrated, StoreError> {
    let Migration { folder, url, migrate_url, master_key, random, rows } = migration;
    let (key, nonces) = (master_key.clone(), random.clone());
    let source = blocking(move || Source::open(&folder, key, nonces)).await??;
    let mut target = Target::open(&url, migrate_url.as_ref()).await?;
    let (identity, state) = (source.identity()?, source.state()?);
    let (mut source, mut progress, resumed) = match target.look().await? {
        Standing::Whole(from) if from == identity => return Ok(Migrated::Before),
        Standing::Whole(_) => return Err(of_another_store()),
        Standing::Begun(progress) => {
            check_same(&progress, &identity, &state)?;
            (source, progress, true)
        }
        Standing::Free => {
            let source = blocking(move || source.check_whole().map(|()| source)).await??;
            let progress = Progress::new(identity, state);
            target.begin(&progress).await?;
            (source, progress, false)
        }
    };
    target.check_rights().await?;
    target.check_master_key(&master_key, &*random).await?;
    for piece in Piece::ALL {
        match carry(source, &mut target, &mut progress, (piece, rows), &mut passed).await? {
            Some(read) => source = read,
            None => return Ok(Migrated::Stopped),
        }
    }
    target.compare(&progress).await?;
    let found = target.inspect(&master_key).await?;
    if let Some(trouble) = found.troubles.first() {
        return Err(StoreError::Open(format!("what was carried over is not whole: {trouble}")));
    }
    let (numbers, from) = (source.numbers()?, progress.source.clone());
    target.finish(&progress, &numbers, &from).await?;
    Ok(Migrated::Whole { found, resumed })
}

/// Carries a piece over; the source again, or nothing if that is to stop.
async fn carry(
    source: Source,
    target: &mut Target,
    progress: &mut Progress,
    (piece, rows): (Piece, usize),
    passed: &mut impl FnMut(Passed) -> ControlFlow<()>,
) -> Result<Option<Source>, StoreError> {
    let (mut source, of) = blocking(move || source.count(piece).map(|count| (source, count))).await??;
    let mut over = progress.of(piece);
    let mut reading = tokio::task::spawn_blocking({
        let after = over.after.clone();
        move || read(source, piece, &after, rows)
    });
    loop {
        let batch;
        (source, batch) = reading.await.map_err(|error| StoreError::Unavailable { source: error.into() })??;
        if batch.read == 0 {
            break;
        }
        // The next rows are read while these are written.
        let after = batch.after.clone();
        reading = tokio::task::spawn_blocking(move || read(source, piece, &after, rows));
        over.after = batch.after;
        over.read += batch.read;
        over.written += batch.rows.len() as u64;
        over.sum = (over.sum + target.sum(piece.table(), &batch.rows)) % SUM_END;
        progress.pieces.insert(piece, over.clone());
        target.write(piece.table(), &batch.rows, progress).await?;
        if passed(Passed { what: piece.name(), rows: over.read, of }).is_break() {
            // So that the store is free when this returns.
            reading.await.ok();
            return Ok(None);
        }
    }
    if over.read != of {
        return Err(StoreError::Open(format!(
            "{} {} were read, and there are {of}: the store that is carried over has changed meanwhile. {AFRESH}",
            over.read,
            piece.name()
        )));
    }
    Ok(Some(source))
}

fn read(source: Source, piece: Piece, after: &[Cell], rows: usize) -> Result<(Source, Batch), StoreError> {
    let batch = source.batch(piece, after, rows)?;
    Ok((source, batch))
}

/// What to do when a migration cannot be gone on with.
const AFRESH: &str = "Begin afresh: drop the schema `ringback` in the database and run this again";

fn of_another_store() -> StoreError {
    StoreError::Open(
        "the database holds what was carried over from another store, and nothing is written over: give an empty one"
            .to_owned(),
    )
}

/// A run goes on with the store that the first one began with, as it was then.
fn check_same(progress: &Progress, identity: &str, state: &str) -> Result<(), StoreError> {
    if progress.source != identity {
        return Err(StoreError::Open(format!(
            "the database holds part of another store: go on with that one, or begin with an empty database. {AFRESH}"
        )));
    }
    if progress.state != state {
        return Err(StoreError::Open(format!(
            "the store has changed since its migration began: a server ran on it. {AFRESH}"
        )));
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Unavailable { source: error.into() })
}
