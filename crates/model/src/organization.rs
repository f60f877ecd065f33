//! An organization: an isolated world of keys, applications and event types.

use crate::{OrgId, OrgNo};

/// The organization that a token speaks for when none is named; the same as the reference server's.
pub const DEFAULT_ORGANIZATION: &str = "org_23rb8YdGqMT0qIzpgGwdXfHirMu";

/// An organization. It needs no creation: the first thing kept for it makes it known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its number in the store.
    pub no: OrgNo,
    /// Its public id, as tokens carry it.
    pub id: OrgId,
}
