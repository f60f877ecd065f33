//! What was noticed and is still to be told: kept in the commit of what it is about.

use ringback_model::Notice;

/// A notice, and its place among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Rises with every notice, and is never given twice.
    pub no: i64,
    /// What is to be told.
    pub notice: Notice,
}

/// A notice as it is kept.
pub(crate) fn to_text(notice: &Notice) -> String {
    serde_json::to_string(notice).expect("a notice is valid JSON")
}
