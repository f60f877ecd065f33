//! The store that the settings name, opened, with what only one kind of it can do.

use std::path::Path;
use std::sync::Arc;

use ringback_model::{Clock, Random, Redacted};
use ringback_store::backend::postgres::{PostgresOptions, PostgresStore};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{Feed, MasterKey, Store};

use crate::config::StoreAddress;
use crate::keys;

/// Bytes of disk that are kept free for outcomes.
const RESERVE_BYTES: u64 = 64 << 20;

/// An open store.
#[derive(Debug)]
pub(crate) enum OpenStore {
    /// The embedded one.
    Sqlite(Arc<SqliteStore>),
    /// One in PostgreSQL.
    Postgres(Arc<PostgresStore>),
}

impl OpenStore {
    /// Opens the store at this address.
    ///
    /// # Errors
    /// What is in the way, in words for the operator.
    pub(crate) async fn open(
        address: &StoreAddress,
        migrate_url: Option<Redacted>,
        master_key_file: &Path,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Self, Feed)> {
        match address {
            StoreAddress::Folder(folder) => Self::open_folder(folder, master_key_file, random, clock).await,
            StoreAddress::Postgres(url) => Self::open_postgres(url, migrate_url, master_key_file, random, clock).await,
        }
    }

    async fn open_folder(
        folder: &Path,
        master_key_file: &Path,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Self, Feed)> {
        keys::make_folder(folder)?;
        let options = SqliteOptions {
            folder: folder.to_owned(),
            master_key: keys::master_key(folder, master_key_file, &*random)?,
            random,
            clock,
            reserve_bytes: RESERVE_BYTES,
        };
        let (store, feed) = tokio::task::spawn_blocking(|| SqliteStore::open(options)).await??;
        Ok((Self::Sqlite(Arc::new(store)), feed))
    }

    async fn open_postgres(
        url: &Redacted,
        migrate_url: Option<Redacted>,
        master_key_file: &Path,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Self, Feed)> {
        // Never made here: each of several nodes would make one of its own.
        let master_key = MasterKey::from_file(master_key_file)?;
        let options = PostgresOptions { url: url.clone(), migrate_url, master_key, random, clock };
        let (store, feed) = PostgresStore::open(options).await?;
        Ok((Self::Postgres(Arc::new(store)), feed))
    }

    /// The store as everybody else knows it.
    pub(crate) fn port(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    /// Waits until it takes no more writes, for good, and says why; for ever as long as all is well. One in PostgreSQL
    /// gets over whatever happens.
    pub(crate) async fn broken(&self) -> Arc<str> {
        match self {
            Self::Sqlite(store) => store.broken().await,
            Self::Postgres(_) => std::future::pending().await,
        }
    }

    /// Writes what was handed to it, and ends.
    ///
    /// # Errors
    /// When that panics.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self {
            // Dropping the last hold on the store waits for its threads.
            Self::Sqlite(store) => tokio::task::spawn_blocking(|| drop(store)).await?,
            Self::Postgres(store) => store.close().await,
        }
        Ok(())
    }
}
