//! One commit in the making: what its items share.

use std::collections::HashMap;

use ringback_model::{AppNo, Random, Timestamp};
use rusqlite::{CachedStatement, Connection, Result};

use super::document;
use super::hot::{Hot, HotStatements};
use super::numbers::Counter;
use super::young::{Entry, Key, Young};
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
    young: &'a Young,
    added: Added,
    retired: usize,
}

/// Idempotency keys that were kept in this batch, in order.
#[derive(Debug, Default)]
struct Added {
    entries: Vec<(Key, Entry)>,
    by_key: HashMap<Key, usize>,
}

/// How much of a batch there was before an item, so that it can be taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    due: usize,
    queued: usize,
    settled: usize,
    changed: usize,
    woken: usize,
    revoked: usize,
    added: usize,
    retired: usize,
}

impl<'a> Batch<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        now: Timestamp,
        (key, random): (&'a MasterKey, &'a dyn Random),
        (messages, attempts): (&'a mut Counter, &'a mut Counter),
        young: &'a Young,
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
            young,
            added: Added::default(),
            retired: 0,
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
            queued: self.committed.queued.len(),
            settled: self.committed.settled.len(),
            changed: self.committed.changed.len(),
            woken: self.committed.woken.len(),
            revoked: self.committed.revoked.len(),
            added: self.added.entries.len(),
            retired: self.retired,
        }
    }

    /// Takes back what an item that failed has noted.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.committed.due.truncate(mark.due);
        self.committed.queued.truncate(mark.queued);
        self.committed.settled.truncate(mark.settled);
        self.committed.changed.truncate(mark.changed);
        self.committed.woken.truncate(mark.woken);
        self.committed.revoked.truncate(mark.revoked);
        self.versions.clear();
        for (key, _) in self.added.entries.drain(mark.added..) {
            self.added.by_key.remove(&key);
        }
        self.retired = mark.retired;
    }

    /// A young idempotency key: one of this batch, or of those before.
    pub(super) fn young(&self, key: &Key) -> Option<&Entry> {
        match self.added.by_key.get(key) {
            Some(at) => self.added.entries.get(*at).map(|(_, entry)| entry),
            None => self.young.get(key),
        }
    }

    /// The number of the next young key.
    pub(super) fn next_young(&self) -> i64 {
        self.added.entries.last().map_or_else(|| self.young.next(), |(_, entry)| entry.no + 1)
    }

    pub(super) fn add_young(&mut self, key: Key, entry: Entry) {
        self.added.by_key.insert(key, self.added.entries.len());
        self.added.entries.push((key, entry));
    }

    pub(super) fn surplus_of_young(&self) -> usize {
        self.young.surplus()
    }

    /// The young keys of before this batch, from the oldest on.
    pub(super) fn oldest_young(&self) -> impl Iterator<Item = (i64, Key, Option<&'a Entry>)> + use<'a> {
        self.young.oldest()
    }

    /// Notes that this many of the oldest have left.
    pub(super) fn retire_young(&mut self, count: usize) {
        self.retired += count;
    }

    /// What the commit has changed: due deliveries in the order of numbers, as the feed promises.
    pub(super) fn into_committed(mut self) -> (Committed, YoungChanges) {
        if !self.committed.due.is_sorted_by_key(|due| due.message.no) {
            self.committed.due.sort_by_key(|due| due.message.no);
        }
        self.committed.changed.sort_unstable();
        self.committed.changed.dedup();
        (self.committed, YoungChanges { added: self.added.entries, retired: self.retired })
    }
}

/// What a commit has changed of the young idempotency keys.
#[derive(Debug)]
pub(super) struct YoungChanges {
    added: Vec<(Key, Entry)>,
    retired: usize,
}

impl YoungChanges {
    /// Makes the memory what the table is, once the commit is through.
    pub(super) fn apply(self, young: &mut Young) {
        young.retire(self.retired);
        for (key, entry) in self.added {
            young.insert(key, entry);
        }
    }
}
