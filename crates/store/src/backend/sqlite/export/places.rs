//! In which shard things are once they are in PostgreSQL: at which number it begins.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Result};

use crate::DocumentKind;
use crate::backend::postgres::floor_of_id;
use crate::backend::sqlite::error::unreadable;
use crate::document::DocumentShard;

/// Documents whose place is remembered.
const REMEMBERED: usize = 100_000;

/// Where shards of documents begin.
#[derive(Debug, Default)]
pub(super) struct Places {
    known: RefCell<HashMap<i64, i64>>,
}

impl Places {
    /// That of a document which is read at present.
    pub(super) fn of(&self, connection: &Connection, kind: DocumentKind, parent: i64, key: &str) -> Result<i64> {
        match kind.shard() {
            DocumentShard::OwnId => Ok(floor_of_id(key)),
            DocumentShard::OfParent => self.floor(connection, parent),
            DocumentShard::First => Ok(0),
        }
    }

    /// That of what has a document with this number.
    pub(super) fn floor(&self, connection: &Connection, no: i64) -> Result<i64> {
        if let Some(floor) = self.known.borrow().get(&no) {
            return Ok(*floor);
        }
        let found: Option<(i64, i64, String)> = connection
            .prepare_cached("SELECT kind, parent, key FROM document WHERE no = ?1")?
            .query_row([no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let missing = || unreadable(0, Type::Integer, format!("something belongs to document {no}, and there is none"));
        let (kind, parent, key) = found.ok_or_else(missing)?;
        let kind = DocumentKind::of_code(kind)
            .ok_or_else(|| unreadable(0, Type::Integer, format!("document {no} is of kind {kind}")))?;
        let floor = self.of(connection, kind, parent, &key)?;
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(no, floor);
        Ok(floor)
    }
}
