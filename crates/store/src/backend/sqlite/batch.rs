//! One commit in the making: what its items share.

use std::collections::HashMap;

use ringback_model::{AppNo, Random, Timestamp};
use rusqlite::{CachedStatement, Connection, Result};

use super::document;
use super::hot::{Hot, HotStatements};
use super::numbers::Counter;
use crate::{Committed, MasterKey};

/// The transaction that is open, and what it will have changed. It is dropped when the transaction is rolled back.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    /// The writer's connection, inside of a transaction.
    pub(super) connection: &'a Connection,
    /// When the commit began: what comes due in it is due since then.
    pub(super) now: Timestamp,
    /// What secrets are sealed with.
    pub(super) key: &'a MasterKey,
    /// Where nonces come from.
    pub(super) random: &'a dyn Random,
    /// Numbers of messages.
    pub(super) messages: &'a mut Counter,
    /// Numbers of attempts.
    pub(super) attempts: &'a mut Counter,
    /// What the feed will be told.
    pub(super) committed: Committed,
    versions: HashMap<AppNo, i64>,
    hot: HotStatements<'a>,
}

/// How much of a batch there was before an item, so that it can be taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    due: usize,
    settled: usize,
    changed: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        now: Timestamp,
        (key, random): (&'a MasterKey, &'a dyn Random),
        (messages, attempts): (&'a mut Counter, &'a mut Counter),
    ) -> Self {
        Self {
            connection,
            now,
            key,
            random,
            messages,
            attempts,
            committed: Committed::default(),
            versions: HashMap::new(),
            hot: HotStatements::default(),
        }
    }

    /// A statement that most items use.
    pub(super) fn hot(&mut self, hot: Hot) -> Result<&mut CachedStatement<'a>> {
        self.hot.get(self.connection, hot)
    }

    /// The version of an application's configuration, read once per commit; 0 if there never was any.
    pub(super) fn version_of(&mut self, app: AppNo) -> Result<i64> {
        if let Some(version) = self.versions.get(&app) {
            return Ok(*version);
        }
        let version = document::configuration_version(self.connection, app)?;
        self.versions.insert(app, version);
        Ok(version)
    }

    /// Raises the version of an application's configuration.
    pub(super) fn changed(&mut self, app: AppNo) -> Result<()> {
        document::raise_configuration_version(self.connection, app)?;
        self.versions.remove(&app);
        self.committed.changed.push(app);
        Ok(())
    }

    /// Where it stands before an item.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            due: self.committed.due.len(),
            settled: self.committed.settled.len(),
            changed: self.committed.changed.len(),
        }
    }

    /// Takes back what an item that failed has noted.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.committed.due.truncate(mark.due);
        self.committed.settled.truncate(mark.settled);
        self.committed.changed.truncate(mark.changed);
        self.versions.clear();
    }

    /// What the commit has changed: due deliveries in the order of numbers, as the feed promises.
    pub(super) fn into_committed(mut self) -> Committed {
        if !self.committed.due.is_sorted_by_key(|due| due.message.no) {
            self.committed.due.sort_by_key(|due| due.message.no);
        }
        self.committed.changed.sort_unstable();
        self.committed.changed.dedup();
        self.committed
    }
}
