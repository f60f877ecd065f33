//! What can go wrong in a store, by what the caller can do about it.

/// A boxed cause.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error of the store. Expected results (a duplicate, a stale version) are values, not errors.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is (nearly) full. New messages are refused until there is room; outcomes are still recorded.
    #[error("the disk is full: new messages are refused until there is room")]
    Full,
    /// The store cannot serve this now; the same call may succeed later. Nothing of it was kept.
    #[error("the store cannot serve this now")]
    Unavailable {
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A commit or an fsync failed, so what is on disk is no longer known. Nothing more is written; the process stops.
    #[error("the store is broken after a failed commit, and takes no more writes")]
    Broken,
    /// Something stored cannot be read back.
    #[error("stored {what} cannot be read")]
    Corrupt {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The store could not be opened.
    #[error("{0}")]
    Open(String),
}
