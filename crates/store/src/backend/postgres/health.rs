//! The health of endpoints, as far as it is kept: since when one fails, and its breaker.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_model::{Breaker, EndpointNo, Health, Timestamp};
use tokio_postgres::Row;

use super::connection::{Client, query};
use super::error::Result;
use super::value::{Values, get, maybe_time};
use crate::{Epoch, NodeNo};

/// Whose shards an item is of: `$1` is the node, whose lock on them the statement before it has got.
macro_rules! is_ours {
    () => {
        "EXISTS (SELECT FROM ringback.shard s WHERE s.no = item.endpoint >> 55 AND s.owner = $1 AND s.epoch = item.epoch)"
    };
}

const WELL: &str = concat!(
    "DELETE FROM ringback.health h USING unnest($2::bigint[], $3::bigint[]) AS item (endpoint, epoch) \
     WHERE h.endpoint = item.endpoint AND ",
    is_ours!()
);

const FAILING: &str = concat!(
    "INSERT INTO ringback.health (endpoint, failing_since, probe_at, probe_wait) \
     SELECT endpoint, failing_since, probe_at, probe_wait FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], \
       $5::bigint[], $6::bigint[]) AS item (endpoint, epoch, failing_since, probe_at, probe_wait) WHERE ",
    is_ours!(),
    " ON CONFLICT (endpoint) DO UPDATE SET failing_since = excluded.failing_since, \
     probe_at = excluded.probe_at, probe_wait = excluded.probe_wait"
);

/// Nothing is known of an endpoint any more.
pub(super) async fn forget(client: &Client, endpoint: EndpointNo) -> Result<()> {
    let sql = "DELETE FROM ringback.health WHERE endpoint = $1";
    query(client, sql, &Values::default().int8(endpoint.0)).await.map(drop)
}

/// Keeps the durable part of healths, of shards that this node owns; a healthy endpoint needs no row. In a transaction
/// that has got the lock of the shards.
pub(super) async fn write_fenced(
    client: &Client,
    node: NodeNo,
    healths: &BTreeMap<EndpointNo, (Health, Epoch)>,
) -> Result<()> {
    let is_well = |health: &Health| health.failing_since.is_none() && health.breaker.is_none();
    let well = || healths.iter().filter(|(_, (health, _))| is_well(health));
    let failing = || healths.iter().filter(|(_, (health, _))| !is_well(health));
    let breakers = || failing().map(|(_, (health, _))| health.breaker);
    let deleted = Values::default()
        .int8(node.0)
        .int8s(well().map(|(endpoint, _)| endpoint.0))
        .int8s(well().map(|(_, (_, epoch))| epoch.0));
    let inserted = Values::default()
        .int8(node.0)
        .int8s(failing().map(|(endpoint, _)| endpoint.0))
        .int8s(failing().map(|(_, (_, epoch))| epoch.0))
        .maybe_int8s(failing().map(|(_, (health, _))| health.failing_since.map(Timestamp::as_micros)))
        .maybe_int8s(breakers().map(|open| open.map(|open| open.probe_at.as_micros())))
        .maybe_int8s(breakers().map(|open| open.map(|open| i64::try_from(open.wait.as_micros()).unwrap_or(i64::MAX))));
    let (deleted, inserted) = tokio::join!(biased; query(client, WELL, &deleted), query(client, FAILING, &inserted));
    deleted.and(inserted).map(drop)
}

/// The health of an endpoint, from three columns.
pub(super) fn read(row: &Row, first: usize) -> Result<Health> {
    let breaker = match (maybe_time(row, first + 1)?, get::<Option<i64>>(row, first + 2)?) {
        (Some(probe_at), Some(wait)) => {
            Some(Breaker { probe_at, wait: Duration::from_micros(u64::try_from(wait).unwrap_or(0)) })
        }
        _ => None,
    };
    Ok(Health { failing_since: maybe_time(row, first)?, breaker, ..Health::default() })
}
