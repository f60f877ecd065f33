//! The store in PostgreSQL passes the suite, straight and through a pooler, and gets over faults of a real server.
//!
//! The server is a throw-away cluster made by `initdb` (`cluster.rs`). Where PostgreSQL is not installed each test says
//! `SKIP postgres: reason` and passes; with `RINGBACK_REQUIRE_POSTGRES=1` it fails instead.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod cluster;
mod databases;
mod faults;
mod inspecting;
mod migration;
mod nodes;
mod opening;
mod programs;
mod proxy;
mod shared;
mod tls;
mod traffic;

/// The suite over a connection of its own.
mod direct {
    use super::databases::Databases;

    ringback_store::conformance_tests!(match Databases::direct() {
        Some(databases) => databases,
        None => return,
    });
}

/// The suite through pgbouncer in transaction mode.
mod pooled {
    use super::databases::Databases;

    ringback_store::conformance_tests!(match Databases::pooled() {
        Some(databases) => databases,
        None => return,
    });
}
