//! The API over a real store in a temporary folder: every operation, every error shape, and what must never happen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod harness;

mod alert;
mod application;
mod attempt;
mod backfill;
mod background_task;
mod bad_input;
mod batch;
mod batching;
mod callback;
mod compatibility;
mod contention;
mod deleted_endpoint;
mod endpoint;
mod endpoint_import;
mod endpoint_message;
mod environment;
mod event_type;
mod expunge;
mod filter;
mod front;
mod header;
mod idempotency;
mod ingest_limit;
mod integration;
mod issuer;
mod jql;
mod masking;
mod matching;
mod message;
mod messaging;
mod monitor;
mod open_rules;
mod openapi;
mod operational;
mod organization;
mod paging;
mod payload_schema;
mod poller;
mod portal;
mod probe;
mod retention;
mod rights;
mod schemas;
mod search;
mod secret;
mod server;
mod statistics;
mod story;
mod tenant;
mod transformation;
mod usage;
mod verification;
