//! Who changed what: a small record beside each change of configuration, in the same commit.

use std::time::Duration;

use ringback_model::Timestamp;

/// How long records are kept,
pub const AUDIT_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// and how many at most, of all organizations together: the oldest give way.
pub const AUDIT_MOST: i64 = 50_000;
/// Records that one change takes away at most, of those that are over.
pub(crate) const AUDIT_SWEEP: i64 = 20;

/// One change, as it is told afterwards. There are no secrets in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The number of the organization; 0 for what belongs to the server as a whole, such as users.
    pub org: i64,
    /// When.
    pub at: Timestamp,
    /// Who, as people are told.
    pub by: String,
    /// The kind of thing, a word such as `webhook`.
    pub thing: String,
    /// What was done to it, a word such as `changed`.
    pub deed: String,
    /// The application that it belongs to: its id.
    pub app: Option<String>,
    /// Its id or name.
    pub subject: String,
    /// What people call it.
    pub title: String,
    /// What differs, as JSON.
    pub changes: String,
}

/// A record, and its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Rises with every record.
    pub no: i64,
    /// What was done.
    pub audit: Audit,
}

/// Asks for records, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this organization,
    pub org: i64,
    /// and of the server as a whole.
    pub with_server: bool,
    /// Only those since then.
    pub since: Timestamp,
    /// Only those before this one.
    pub before: Option<i64>,
    /// Only those by somebody,
    pub by: Option<String>,
    /// about one kind of thing,
    pub thing: Option<String>,
    /// about one application,
    pub app: Option<String>,
    /// or about one thing.
    pub subject: Option<String>,
    /// At most so many.
    pub limit: usize,
}
