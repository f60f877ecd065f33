//! What a store is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use ringback_model::{Clock, Random};

use crate::MasterKey;

/// What [`super::SqliteStore::open`] needs.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The folder of the store; made if it is missing.
    pub folder: PathBuf,
    /// What secrets are sealed with. A store opens only with the key that it was made with.
    pub master_key: MasterKey,
    /// Where nonces come from.
    pub random: Arc<dyn Random>,
    /// What due times and expiries are kept by.
    pub clock: Arc<dyn Clock>,
    /// Bytes of disk that are kept free for outcomes: with less, new messages and documents are refused.
    pub reserve_bytes: u64,
}
