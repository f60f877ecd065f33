//! The store that the settings name, opened.

use std::path::Path;
use std::sync::Arc;

use ringback_model::{Clock, Random};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{Feed, Store};

use crate::config::StoreFolder;
use crate::keys;

/// Bytes of disk that are kept free for outcomes.
const RESERVE_BYTES: u64 = 64 << 20;

/// An open store.
#[derive(Debug)]
pub(crate) struct OpenStore(Arc<SqliteStore>);

impl OpenStore {
    /// Opens the store in this folder.
    ///
    /// # Errors
    /// What is in the way, in words for the operator.
    pub(crate) async fn open(
        folder: &StoreFolder,
        master_key_file: &Path,
        random: Arc<dyn Random>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<(Self, Feed)> {
        let folder = folder.path();
        keys::make_folder(folder)?;
        let options = SqliteOptions {
            folder: folder.to_owned(),
            master_key: keys::master_key(folder, master_key_file, &*random)?,
            random,
            clock,
            reserve_bytes: RESERVE_BYTES,
        };
        let (store, feed) = tokio::task::spawn_blocking(|| SqliteStore::open(options)).await??;
        Ok((Self(Arc::new(store)), feed))
    }

    /// The store as everybody else knows it.
    pub(crate) fn port(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    /// Waits until it takes no more writes, for good, and says why; for ever as long as all is well.
    pub(crate) async fn broken(&self) -> Arc<str> {
        self.0.broken().await
    }

    /// Writes what was handed to it, and ends.
    ///
    /// # Errors
    /// When that panics.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        // Dropping the last hold on the store waits for its threads.
        tokio::task::spawn_blocking(|| drop(self.0)).await?;
        Ok(())
    }
}
