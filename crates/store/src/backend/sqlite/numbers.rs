//! Numbers of messages and attempts, drawn in memory.
//!
//! A number is never drawn twice, not even after a crash, whatever rows are deleted in the meantime: the store keeps a
//! floor that is ahead of everything drawn, raised by a whole block at a time in the commit that first needs it. A start
//! goes on at the floor, so each leaves a gap of at most one block; nothing depends on numbers being dense.

use rusqlite::{Connection, OptionalExtension as _, Result, params};

/// Numbers that are reserved at a time.
const BLOCK: i64 = 1 << 16;

/// One rising number.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    name: &'static str,
    next: i64,
    floor: i64,
}

impl Counter {
    /// The counter of this name, where the store left it.
    pub(super) fn load(connection: &Connection, name: &'static str) -> Result<Self> {
        let floor: Option<i64> =
            connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?;
        let floor = floor.unwrap_or(1);
        Ok(Self { name, next: floor, floor })
    }

    /// Makes sure, within the commit in which they are used, that `count` numbers may be drawn.
    pub(super) fn reserve(&mut self, connection: &Connection, count: usize) -> Result<()> {
        let end = self.next + i64::try_from(count).unwrap_or(i64::MAX / 2);
        if end > self.floor {
            let floor = end + BLOCK;
            connection
                .prepare_cached("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute(params![self.name, floor])?;
            self.floor = floor;
        }
        Ok(())
    }

    /// The next number; as many may be drawn as were reserved.
    pub(super) fn draw(&mut self) -> i64 {
        debug_assert!(self.next < self.floor, "{} were drawn beyond the floor", self.name);
        self.next += 1;
        self.next - 1
    }
}
