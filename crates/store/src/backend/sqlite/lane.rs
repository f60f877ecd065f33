//! Which endpoints have work: a skip scan, in time proportional to endpoints.

use ringback_model::EndpointNo;
use rusqlite::{Connection, OptionalExtension as _, Result};

use super::error::store_error;
use super::health;
use crate::{LaneStart, OverdueQuery, Shard, StoreError};

/// Each finds the next endpoint above a given one; blocked deliveries need none, for the head of their queue is due.
const NEXT: [&str; 3] = [
    "SELECT endpoint FROM delivery INDEXED BY delivery_due WHERE endpoint > ?1 AND due IS NOT NULL \
     ORDER BY endpoint LIMIT 1",
    "SELECT endpoint FROM delivery INDEXED BY delivery_by_hand WHERE endpoint > ?1 AND manual_due IS NOT NULL \
     ORDER BY endpoint LIMIT 1",
    "SELECT endpoint FROM health WHERE endpoint > ?1 ORDER BY endpoint LIMIT 1",
];

/// See [`crate::Store::lanes`].
///
/// # Errors
/// When the store cannot be read.
pub fn lanes(connection: &Connection, after: EndpointNo, limit: usize) -> Result<Vec<LaneStart>, StoreError> {
    read_lanes(connection, after, limit).map_err(store_error)
}

fn read_lanes(connection: &Connection, after: EndpointNo, limit: usize) -> Result<Vec<LaneStart>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut lanes = Vec::new();
    let mut last = after;
    while lanes.len() < limit {
        let mut next: Option<i64> = None;
        for sql in NEXT {
            let found: Option<i64> = snapshot.prepare_cached(sql)?.query_row([last.0], |row| row.get(0)).optional()?;
            next = next.into_iter().chain(found).min();
        }
        let Some(next) = next else { break };
        last = EndpointNo(next);
        let held = snapshot
            .prepare_cached(
                "SELECT 1 FROM delivery INDEXED BY delivery_held WHERE endpoint = ?1 AND held IS NOT NULL LIMIT 1",
            )?
            .exists([last.0])?;
        lanes.push(LaneStart { endpoint: last, health: health::read(&snapshot, last)?, held });
    }
    Ok(lanes)
}

/// See [`crate::Store::overdue`]. It is asked of the few shards only that others write to, which here are none.
pub(super) fn overdue(connection: &Connection, asked: &OverdueQuery) -> Result<Vec<EndpointNo>> {
    let is_due = "SELECT 1 FROM delivery WHERE endpoint = ?1 AND (due <= ?2 OR manual_due <= ?2) LIMIT 1";
    let mut overdue = Vec::new();
    for lane in read_lanes(connection, asked.after, usize::MAX >> 1)? {
        let due = connection.prepare_cached(is_due)?.exists([lane.endpoint.0, asked.now.as_micros()])?;
        if due && asked.shards.contains(&Shard::of(lane.endpoint.0)) && overdue.len() < asked.limit {
            overdue.push(lane.endpoint);
        }
    }
    Ok(overdue)
}
