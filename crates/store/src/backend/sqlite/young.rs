//! The youngest idempotency keys, in memory and in a table that is only ever appended to.
//!
//! Keys are hashes, so each new one would touch a page of its own of their index: more work than the message that it
//! came with. Nearly all keys are asked for within seconds if ever, and those of the SDKs expire after 15 minutes; so
//! they begin here, in the order they came, and only what is still valid when [`Young::MAX`] others have come moves into
//! the index, many at a time.

use std::collections::{HashMap, VecDeque};

use ringback_model::Timestamp;
use rusqlite::{Connection, Result};

use super::idempotency::Answer;
use super::value::time;

/// A key: a hash.
pub(super) type Key = [u8; 16];

/// What is kept under a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its place in the order of coming.
    pub(super) no: i64,
    /// Hash of the body.
    pub(super) body: [u8; 16],
    /// Until when it is kept.
    pub(super) expires_at: Timestamp,
    /// What the answer is made of.
    pub(super) answer: Answer,
}

/// The keys of the table, by key and in order.
///
/// By key there is the number alone: a map from which as much goes as comes grows to twice the room that it needs, so what it
/// holds is small, and it has that room from the beginning: no acceptance waits for all of it to be moved.
#[derive(Debug)]
pub(super) struct Young {
    numbers: HashMap<Key, i64>,
    /// By rising number.
    order: VecDeque<(Key, Entry)>,
    next: i64,
}

impl Default for Young {
    fn default() -> Self {
        Self {
            numbers: HashMap::with_capacity(2 * Self::MAX),
            order: VecDeque::with_capacity(Self::MAX + Self::MAX / 4),
            next: 0,
        }
    }
}

impl Young {
    /// Keys that are kept here, some 35 MB of them.
    pub(super) const MAX: usize = if cfg!(test) { 50 } else { 200_000 };

    /// The keys that the store has.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let mut young = Self::default();
        let mut all =
            connection.prepare("SELECT no, key, body, expires_at, answer FROM idempotency_young ORDER BY no")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let entry = Entry { no: row.get(0)?, body: row.get(2)?, expires_at: time(row, 3)?, answer: row.get(4)? };
            young.insert(row.get(1)?, entry);
        }
        Ok(young)
    }

    /// The number of the next key.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        let no = self.numbers.get(key)?;
        let place = self.order.binary_search_by_key(no, |(_, entry)| entry.no).ok()?;
        self.order.get(place).map(|(_, entry)| entry)
    }

    pub(super) fn insert(&mut self, key: Key, entry: Entry) {
        self.next = entry.no + 1;
        self.numbers.insert(key, entry.no);
        self.order.push_back((key, entry));
    }

    /// How many there are beyond those that are kept.
    pub(super) fn surplus(&self) -> usize {
        self.order.len().saturating_sub(Self::MAX)
    }

    /// From the oldest on; `None` in place of one that was taken again since.
    pub(super) fn oldest(&self) -> impl Iterator<Item = (i64, Key, Option<&Entry>)> {
        self.order.iter().map(|(key, entry)| (entry.no, *key, Some(entry).filter(|_| self.is_last(key, entry))))
    }

    /// Forgets this many of the oldest.
    pub(super) fn retire(&mut self, count: usize) {
        for (key, entry) in self.order.drain(..count) {
            if self.numbers.get(&key) == Some(&entry.no) {
                self.numbers.remove(&key);
            }
        }
    }

    /// Whether the key was not taken again since.
    fn is_last(&self, key: &Key, entry: &Entry) -> bool {
        self.numbers.get(key) == Some(&entry.no)
    }
}
