//! The store in PostgreSQL, version 14 or later, for one server or several.
//!
//! Writes of all callers go to one task (`writer.rs`), which puts whatever waits into one transaction (`group.rs`): a few
//! statements over arrays, sent together, with a result for each item. Readers share a few connections (`pool.rs`).
//! Nothing hangs on a session: no prepared statements, no settings, no locks that outlive a transaction, so that a
//! pooler in transaction mode may stand in between.
//!
//! Several servers share out the shards among them (`node.rs`), write outcomes behind a fence (`fence.rs`) and tell each
//! other what has come due (`bell.rs`, `lookout.rs`).
//!
//! Read `accept.rs`, `take.rs` and `finish.rs` next: the facts that must not be lost. Then `queue.rs` for order, and
//! `shard.rs` for what numbers are made of.

mod accept;
mod accept_batch;
mod address;
mod advance;
mod attempt;
mod audit;
mod backlog;
mod bell;
mod changes;
mod clear;
mod cluster;
mod connection;
mod document;
mod end;
mod error;
mod expire;
mod fence;
mod finish;
mod follow;
mod group;
mod health;
mod holdings;
mod hot;
mod idempotency;
pub(in crate::backend) mod import;
mod inspect;
mod lane;
mod listing;
mod lookout;
mod mention;
mod message;
mod node;
mod notice;
mod options;
mod polled;
mod pool;
mod queue;
mod rearm;
mod release;
mod schema;
mod shard;
mod store;
mod stretch;
mod survey;
mod take;
mod tally;
mod tls;
mod usage;
mod value;
mod waiting;
mod writer;

pub use inspect::inspect;
pub use options::PostgresOptions;
pub(in crate::backend) use shard::floor_of_id;
pub use store::PostgresStore;
