//! What waits for one endpoint or for all, from indexes alone.

use ringback_model::{EndpointNo, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Result, Row};

use super::value::{maybe_time, time};
use crate::tally::Owner;
use crate::{Backlog, Backlogs};

/// Those with a time; among them the head of each queue.
const DUE: &str = "SELECT count(*), min(message), 0 FROM (SELECT message FROM delivery INDEXED BY delivery_due \
                   WHERE endpoint = ?1 AND due IS NOT NULL LIMIT ?2)";
/// Those behind the heads, and the oldest of all that stand in queues.
const QUEUED: &str = "SELECT count(*), min(message), count(DISTINCT queue) FROM (SELECT message, queue FROM delivery \
                      INDEXED BY delivery_queue WHERE endpoint = ?1 AND queue IS NOT NULL AND state = 1 LIMIT ?2)";

/// The same for each endpoint of all, with its organization and its application.
const WAITING: &str = "WITH waiting (endpoint, number, first) AS ( \
      SELECT endpoint, count(*), min(message) FROM delivery INDEXED BY delivery_due WHERE due IS NOT NULL \
        GROUP BY endpoint \
      UNION ALL SELECT endpoint, sum(number - 1), min(first) FROM ( \
        SELECT endpoint, count(*) AS number, min(message) AS first FROM delivery INDEXED BY delivery_queue \
          WHERE queue IS NOT NULL AND state = 1 GROUP BY endpoint, queue) GROUP BY endpoint) \
    SELECT w.endpoint, COALESCE(app.parent, 0), COALESCE(app.no, 0), w.number, (SELECT accepted_at FROM message WHERE no = w.first) \
    FROM (SELECT endpoint, sum(number) AS number, min(first) AS first FROM waiting GROUP BY endpoint) w \
    LEFT JOIN document one ON one.no = w.endpoint LEFT JOIN document app ON app.no = one.parent";
/// Endpoints with an open breaker, by application.
const BREAKERS: &str = "SELECT app.parent, app.no, count(*) FROM health JOIN document one ON one.no = health.endpoint \
    JOIN document app ON app.no = one.parent WHERE health.probe_at IS NOT NULL AND one.deleted_at IS NULL \
    GROUP BY app.no";

/// See [`crate::Store::backlog`].
pub(super) fn backlog(connection: &Connection, endpoint: EndpointNo, limit: u32) -> Result<Backlog> {
    // One more than that says that there are more.
    let snapshot = connection.unchecked_transaction()?;
    let of = [endpoint.0, i64::from(limit) + 1];
    let counted = |row: &Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, u64>(2)?));
    let due = snapshot.prepare_cached(DUE)?.query_row(of, counted)?;
    let queued = snapshot.prepare_cached(QUEUED)?.query_row(of, counted)?;
    let first = [due.1, queued.1].into_iter().flatten().min();
    let accepted_at = "SELECT accepted_at FROM message WHERE no = ?1";
    let oldest: Option<Timestamp> = match first {
        Some(no) => snapshot.prepare_cached(accepted_at)?.query_row([no], |row| time(row, 0)).optional()?,
        None => None,
    };
    Ok(Backlog::counted(due.0, (queued.0, queued.2), limit, oldest))
}

/// See [`crate::Store::pending`].
pub(super) fn pending(connection: &Connection, long: u64) -> Result<Backlogs> {
    let snapshot = connection.unchecked_transaction()?;
    let mut waiting = snapshot.prepare_cached(WAITING)?;
    let waiting = waiting.query_map([], |row| {
        let backlog = Backlog { pending: row.get(3)?, oldest: maybe_time(row, 4)?, more: false };
        Ok((EndpointNo(row.get(0)?), Owner { org: row.get(1)?, app: row.get(2)? }, backlog))
    })?;
    let waiting = waiting.collect::<Result<Vec<_>>>()?;
    let mut breakers = snapshot.prepare_cached(BREAKERS)?;
    let breakers = breakers.query_map([], |row| Ok((Owner { org: row.get(0)?, app: row.get(1)? }, row.get(2)?)))?;
    let breakers = breakers.collect::<Result<Vec<_>>>()?;
    Ok(Backlogs::counted(waiting, breakers, long))
}
