//! What a store is opened with.

use std::sync::Arc;

use ringback_model::{Clock, Random, Redacted};

use crate::MasterKey;

/// What [`super::PostgresStore::open`] needs.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Where the database is: `postgres://user:password@host:port/database`. It may lead through a pooler, in
    /// transaction mode too.
    pub url: Redacted,
    /// Where tables are made and changed, if that is another place or another role: straight to the server, as their
    /// owner. The role of `url` is granted what it needs.
    pub migrate_url: Option<Redacted>,
    /// What secrets are sealed with. A store opens only with the key that it was made with.
    pub master_key: MasterKey,
    /// Where nonces come from.
    pub random: Arc<dyn Random>,
    /// What due times and expiries are kept by.
    pub clock: Arc<dyn Clock>,
}
