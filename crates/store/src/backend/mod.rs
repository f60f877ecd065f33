//! One folder per backend. Each implements [`crate::Store`] and passes [`crate::conformance`].

pub mod postgres;
mod share;
pub mod sqlite;
mod tally;
