//! One folder per backend. Each implements [`crate::Store`] and passes [`crate::conformance`].

mod share;
pub mod sqlite;
