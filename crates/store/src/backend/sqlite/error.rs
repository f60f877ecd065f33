//! From SQLite's errors to ours.

use rusqlite::{Error, ErrorCode};

use crate::{SealError, StoreError};

/// What a reader makes of an error, and a writer of one that concerns a single item.
pub(super) fn store_error(error: Error) -> StoreError {
    match code(&error) {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { what: "page", source: error.into() }
        }
        _ => match error {
            Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) => {
                StoreError::Corrupt { what: "row", source: error.into() }
            }
            other => StoreError::Unavailable { source: other.into() },
        },
    }
}

/// Whether, after this error of a writer, it is no longer known what is on disk: reading and writing failed in the
/// middle of a commit, or the file is damaged. Such a store takes no more writes (`fsync` must not be tried again: the
/// kernel may have dropped the pages that it could not write).
pub(super) fn is_fatal(error: &Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly)
    )
}

/// Whether there was no room on the disk.
pub(super) fn is_full(error: &Error) -> bool {
    code(error) == Some(ErrorCode::DiskFull)
}

/// A stored value that is none of those that it may be.
pub(super) fn unreadable(column: usize, value: rusqlite::types::Type, why: impl Into<crate::error::BoxError>) -> Error {
    Error::FromSqlConversionFailure(column, value, why.into())
}

/// A secret that does not open.
pub(super) fn sealed(column: usize, error: SealError) -> Error {
    unreadable(column, rusqlite::types::Type::Blob, error)
}

/// An error while the store is opened.
pub(super) fn open_error(doing: &str, error: &Error) -> StoreError {
    StoreError::Open(format!("{doing}: {error}"))
}

fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}
