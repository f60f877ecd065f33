//! The binary as its user meets it: started, spoken to over HTTP, signalled, and read.

#![expect(clippy::unwrap_used, reason = "a step of a test that fails is the failure of the test")]

mod api;
mod demo;
mod golden;
mod import_svix;
mod interactive;
mod migrate_store;
mod packaging;
mod program;
mod serve;
mod settings;
mod store_commands;
mod stranger;
mod terminal;
mod token;
mod tools;
mod transformer;
