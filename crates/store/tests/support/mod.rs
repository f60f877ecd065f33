//! Embedded stores in temporary folders.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ringback_model::{ManualClock, SeededRandom, Timestamp};
use ringback_store::backend::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::conformance::Harness;
use ringback_store::{Feed, MasterKey, Store};
use tempfile::TempDir;

/// Makes each store in a folder of its own.
pub(crate) struct Folders {
    clock: Arc<ManualClock>,
    random: Arc<SeededRandom>,
    root: TempDir,
    /// Which folder a store is in, by the address of the store.
    folders: Mutex<HashMap<*const (), PathBuf>>,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_700_000_000))),
            random: Arc::new(SeededRandom::new(1)),
            root: TempDir::new().unwrap(),
            folders: Mutex::default(),
        }
    }
}

impl Folders {
    /// What a store in this folder is opened with.
    pub(crate) fn options(&self, folder: &Path) -> SqliteOptions {
        SqliteOptions {
            folder: folder.to_owned(),
            master_key: MasterKey::from_bytes([7; 32]),
            random: self.random.clone(),
            clock: self.clock.clone(),
            reserve_bytes: 0,
        }
    }

    /// The name of a folder that is not there yet.
    pub(crate) fn fresh(&self) -> PathBuf {
        self.root.path().join(format!("{:016x}", self.random.next()))
    }

    fn open_in(&self, folder: PathBuf) -> (Arc<dyn Store>, Feed) {
        let (store, feed) = SqliteStore::open(self.options(&folder)).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        self.folders.lock().unwrap().insert(Arc::as_ptr(&store).cast(), folder);
        (store, feed)
    }

    fn folder_of(&self, store: &Arc<dyn Store>) -> PathBuf {
        self.folders.lock().unwrap()[&Arc::as_ptr(store).cast()].clone()
    }
}

/// Copies what is on disk of a running store, as a power cut would leave it at best; the log goes with the file.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["ringback.db", "ringback.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

impl Harness for Folders {
    fn open(&self) -> (Arc<dyn Store>, Feed) {
        self.open_in(self.fresh())
    }

    fn crash(&self, store: &Arc<dyn Store>) -> (Arc<dyn Store>, Feed) {
        let copied = self.fresh();
        copy(&self.folder_of(store), &copied);
        self.open_in(copied)
    }

    fn bytes_at_rest(&self, store: &Arc<dyn Store>) -> Vec<u8> {
        let folder = self.folder_of(store);
        fs::read_dir(folder).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }

    fn clock(&self) -> Arc<ManualClock> {
        self.clock.clone()
    }
}
