//! The health of endpoints, as far as it is kept: since when one fails, and its breaker.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_model::{Breaker, EndpointNo, Health, Timestamp};
use tokio_postgres::{Client, Row};

use super::connection::query;
use super::error::Result;
use super::value::{Values, get, maybe_time};

/// Keeps the durable part of healths; a healthy endpoint needs no row.
pub(super) async fn write(client: &Client, healths: &BTreeMap<EndpointNo, Health>) -> Result<()> {
    let is_well = |health: &Health| health.failing_since.is_none() && health.breaker.is_none();
    let well = || healths.iter().filter(|(_, health)| is_well(health)).map(|(endpoint, _)| endpoint.0);
    let failing = || healths.iter().filter(|(_, health)| !is_well(health));
    let delete = "DELETE FROM ringback.health WHERE endpoint = ANY ($1)";
    let insert = "INSERT INTO ringback.health (endpoint, failing_since, probe_at, probe_wait) \
                  SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
                  ON CONFLICT (endpoint) DO UPDATE SET failing_since = excluded.failing_since, \
                  probe_at = excluded.probe_at, probe_wait = excluded.probe_wait";
    let breakers = || failing().map(|(_, health)| health.breaker);
    let deleted = Values::default().int8s(well());
    let inserted = Values::default()
        .int8s(failing().map(|(endpoint, _)| endpoint.0))
        .maybe_int8s(failing().map(|(_, health)| health.failing_since.map(Timestamp::as_micros)))
        .maybe_int8s(breakers().map(|open| open.map(|open| open.probe_at.as_micros())))
        .maybe_int8s(breakers().map(|open| open.map(|open| i64::try_from(open.wait.as_micros()).unwrap_or(i64::MAX))));
    let (deleted, inserted) = tokio::join!(biased; query(client, delete, &deleted), query(client, insert, &inserted));
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
