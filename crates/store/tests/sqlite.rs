//! The embedded store passes the suite.

#![expect(clippy::unwrap_used, reason = "a test ends at what it does not expect")]

mod support;

use support::Folders;

ringback_store::conformance_tests!(Folders::default());
