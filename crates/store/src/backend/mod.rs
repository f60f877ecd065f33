//! One folder per backend. Each implements [`crate::Store`] and passes [`crate::conformance`].

mod followers;
mod mention;
pub mod migration;
pub mod postgres;
mod share;
pub mod sqlite;
mod stretch;
mod tally;
mod upkeep;
