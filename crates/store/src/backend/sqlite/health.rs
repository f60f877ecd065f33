//! The health of endpoints, as far as it is kept: since when one fails, and its breaker.

use std::time::Duration;

use ringback_model::{Breaker, EndpointNo, Health};
use rusqlite::{Connection, OptionalExtension as _, Result, params};

use super::value::{At, maybe_time};

/// Keeps the durable part of a health; a healthy endpoint needs no row.
pub(super) fn write(connection: &Connection, endpoint: EndpointNo, health: &Health) -> Result<()> {
    if health.failing_since.is_none() && health.breaker.is_none() {
        connection.prepare_cached("DELETE FROM health WHERE endpoint = ?1")?.execute([endpoint.0])?;
        return Ok(());
    }
    let wait = health.breaker.map(|open| i64::try_from(open.wait.as_micros()).unwrap_or(i64::MAX));
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO health (endpoint, failing_since, probe_at, probe_wait) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            endpoint.0,
            health.failing_since.map(At),
            health.breaker.map(|open| At(open.probe_at)),
            wait,
        ])?;
    Ok(())
}

/// The health of an endpoint as it was last written.
pub(super) fn read(connection: &Connection, endpoint: EndpointNo) -> Result<Health> {
    let health = connection
        .prepare_cached("SELECT failing_since, probe_at, probe_wait FROM health WHERE endpoint = ?1")?
        .query_row([endpoint.0], |row| {
            let breaker = match (maybe_time(row, 1)?, row.get(2)?) {
                (Some(probe_at), Some(wait)) => Some(Breaker { probe_at, wait: Duration::from_micros(wait) }),
                _ => None,
            };
            Ok(Health { failing_since: maybe_time(row, 0)?, breaker, ..Health::default() })
        })
        .optional()?;
    Ok(health.unwrap_or_default())
}
