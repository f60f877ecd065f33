//! The embedded store: one SQLite file in one folder, one writer.
//!
//! Writes of all callers go to one thread (`writer.rs`), which puts whatever waits into one transaction and one fsync.
//! What it does in there is [`apply()`]: a plain function over a connection, which a simulation calls inline. Readers have
//! connections of their own (`reader.rs`); a further thread (`checkpoint.rs`) moves the log back into the file.
//!
//! Read `delivery.rs` next: it holds the facts that must not be lost. Then `apply/mod.rs` for what one commit is.

mod accept_batch;
mod advance;
mod apply;
mod attempt;
mod audit;
mod backlog;
mod batch;
mod checkpoint;
mod clear;
mod connection;
mod copy;
mod delivery;
mod document;
mod end;
mod error;
mod expire;
pub(in crate::backend) mod export;
mod health;
mod hot;
mod idempotency;
mod inspect;
mod lane;
mod listing;
mod lock;
mod mention;
mod message;
mod notice;
mod numbers;
mod options;
mod polled;
mod progress;
mod queue;
mod reader;
mod rearm;
mod rekey;
mod release;
mod schema;
mod space;
mod store;
mod stretch;
mod survey;
mod tally;
mod usage;
mod value;
mod wal;
mod writer;
mod young;

pub use apply::{ApplyContext, Op, OpResult, apply};
pub use connection::{open_connection, open_in_memory};
pub use copy::{back_up, restore};
pub use delivery::{follow, take};
pub use inspect::inspect;
pub use lane::lanes;
pub use options::SqliteOptions;
pub use rekey::{Rekeyed, rekey};
pub use store::SqliteStore;
