//! Which endpoints have work: a skip scan, in time proportional to endpoints.

use std::sync::LazyLock;

use ringback_model::{EndpointNo, Priority};
use tokio_postgres::types::Type;

use super::connection::{Client, Purpose, query, transaction};
use super::error::Result;
use super::health;
use super::hot::{self, Hot};
use super::shard::SHIFT;
use super::value::{Values, get, limit};
use crate::{LaneStart, OverdueQuery, Shard};

/// The next endpoints above a given one, up to another one, that may have something due; blocked deliveries need no look,
/// for the head of their queue is due.
macro_rules! due_above {
    ($above:literal, $last:literal) => {
        concat!(
            "(SELECT endpoint FROM ringback.delivery WHERE endpoint > ",
            $above,
            " AND endpoint <= ",
            $last,
            " AND due IS NOT NULL ORDER BY endpoint LIMIT 1), \
             (SELECT endpoint FROM ringback.delivery WHERE endpoint > ",
            $above,
            " AND endpoint <= ",
            $last,
            " AND manual_due IS NOT NULL ORDER BY endpoint LIMIT 1)"
        )
    };
}

/// The next endpoint above a given one.
macro_rules! next {
    ($above:literal) => {
        concat!(
            "LEAST(",
            due_above!($above, "9223372036854775807"),
            ", (SELECT endpoint FROM ringback.health WHERE endpoint > ",
            $above,
            " ORDER BY endpoint LIMIT 1))"
        )
    };
}

/// The same, of those only that may have something due.
macro_rules! next_due {
    ($above:literal, $last:literal) => {
        concat!("LEAST(", due_above!($above, $last), ")")
    };
}

const LANES: &str = concat!(
    "WITH RECURSIVE lane (endpoint) AS (SELECT ",
    next!("$1"),
    " UNION ALL SELECT ",
    next!("lane.endpoint"),
    " FROM lane WHERE lane.endpoint IS NOT NULL) \
     SELECT lane.endpoint, health.failing_since, health.probe_at, health.probe_wait, \
       EXISTS (SELECT FROM ringback.delivery d WHERE d.endpoint = lane.endpoint AND d.held IS NOT NULL) \
     FROM (SELECT endpoint FROM lane WHERE endpoint IS NOT NULL LIMIT $2) lane \
     LEFT JOIN ringback.health ON health.endpoint = lane.endpoint"
);

/// See [`crate::Store::lanes`].
pub(super) async fn lanes(client: &Client, after: EndpointNo, count: usize) -> Result<Vec<LaneStart>> {
    let values = Values::default().int8(after.0).int8(limit(count));
    let rows = transaction(client, Purpose::Read, query(client, LANES, &values)).await?;
    let mut lanes = rows
        .iter()
        .map(|row| {
            Ok(LaneStart { endpoint: EndpointNo(get(row, 0)?), health: health::read(row, 1)?, held: get(row, 4)? })
        })
        .collect::<Result<Vec<_>>>()?;
    lanes.sort_unstable_by_key(|lane| lane.endpoint);
    Ok(lanes)
}

/// Of ranges of endpoints, one after the other, those at which something is due. Each endpoint costs a few looks into
/// indexes, whatever waits there; nothing of other ranges is looked at, where others leave the remains of what they end.
const OVERDUE_SQL: &str = concat!(
    "SELECT lane.endpoint FROM unnest($1::bigint[], $2::bigint[]) AS span (above, last) CROSS JOIN LATERAL \
       (WITH RECURSIVE lane (endpoint) AS (SELECT ",
    next_due!("span.above", "span.last"),
    " UNION ALL SELECT ",
    next_due!("lane.endpoint", "span.last"),
    " FROM lane WHERE lane.endpoint < span.last) SELECT endpoint FROM lane WHERE endpoint IS NOT NULL) lane \
     WHERE EXISTS (SELECT FROM ringback.delivery d WHERE d.endpoint = lane.endpoint AND d.manual_due <= $3) \
       OR EXISTS (SELECT FROM generate_series(0, $4::integer) AS class (priority) CROSS JOIN LATERAL \
         (SELECT FROM ringback.delivery d WHERE d.endpoint = lane.endpoint AND d.priority = class.priority \
           AND d.due <= $3 LIMIT 1) first) \
     LIMIT $5"
);

pub(super) static OVERDUE: LazyLock<Hot> =
    LazyLock::new(|| Hot::new(OVERDUE_SQL, "bigint[], bigint[], bigint, integer, bigint", &["bigint"]));

/// See [`crate::Store::overdue`].
pub(super) async fn overdue(client: &Client, asked: &OverdueQuery) -> Result<Vec<EndpointNo>> {
    let highest = i32::try_from(Priority::COUNT).unwrap_or(i32::MAX) - 1;
    let ranges = ranges(&asked.shards);
    let left = || ranges.iter().filter(|(_, last)| *last > asked.after.0);
    let values = Values::default()
        .int8s(left().map(|(first, _)| (first - 1).max(asked.after.0)))
        .int8s(left().map(|(_, last)| *last))
        .int8(asked.now.as_micros())
        .and(highest, Type::INT4)
        .int8(limit(asked.limit));
    let rows = transaction(client, Purpose::Read, hot::ask(client, &OVERDUE, 1, &values)).await?;
    let mut found: Vec<_> = rows.iter().map(|row| Ok(EndpointNo(get(row, 0)?))).collect::<Result<_>>()?;
    found.sort_unstable();
    Ok(found)
}

/// The first and the last number of each run of shards that follow one another.
fn ranges(shards: &[Shard]) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for shard in shards {
        let first = i64::from(shard.number()) << SHIFT;
        let last = first + ((1 << SHIFT) - 1);
        match ranges.last_mut().filter(|(_, end)| *end + 1 == first) {
            Some(range) => range.1 = last,
            None => ranges.push((first, last)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_follow_one_another_are_one_range() {
        let shards = |numbers: &[i64]| numbers.iter().filter_map(|no| Shard::with_number(*no)).collect::<Vec<_>>();
        let floor = |shard: i64| shard << SHIFT;
        assert_eq!(ranges(&shards(&[])), []);
        assert_eq!(ranges(&shards(&[0, 1, 5])), [(0, floor(2) - 1), (floor(5), floor(6) - 1)]);
        assert_eq!(ranges(&Shard::all().collect::<Vec<_>>()), [(0, i64::MAX)]);
    }
}
