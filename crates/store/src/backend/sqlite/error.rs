//! From SQLite's errors to ours.

use rusqlite::{Error, ErrorCode, ffi};

use crate::{SealError, StoreError};

/// What a reader makes of an error, and a writer of one that concerns a single item.
pub(super) fn store_error(error: Error) -> StoreError {
    match code(&error) {
        _ if is_full(&error) => StoreError::Full,
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
    !is_full(error)
        && matches!(
            code(error),
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ReadOnly
            )
        )
}

/// Whether there was no room on the disk, be it for the log or for the index of the log, which SQLite calls an I/O error:
/// the log may reuse room that it has while its index, which a start makes anew, has to grow. The index is memory for the
/// time that the file is open; SQLite forgets what it has just written to the log, and the next commit overwrites it.
pub(super) fn is_full(error: &Error) -> bool {
    code(error) == Some(ErrorCode::DiskFull) || extended_code(error) == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

/// An error in words, with SQLite's own number for it: one text stands for many causes.
pub(super) fn reason(error: &Error) -> String {
    match extended_code(error) {
        Some(code) => format!("{error} (SQLite's code {code})"),
        None => error.to_string(),
    }
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

fn extended_code(error: &Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_log_whose_index_cannot_grow_means_a_full_disk_and_no_end() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert!(is_full(&error(code)) && !is_fatal(&error(code)), "{code}");
            assert!(matches!(store_error(error(code)), StoreError::Full), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY] {
            assert!(is_fatal(&error(code)) && !is_full(&error(code)), "{code}");
        }
    }

    #[test]
    fn the_reason_tells_which_of_the_io_errors_it_was() {
        let error = Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), Some("disk I/O error".to_owned()));
        assert_eq!(reason(&error), "disk I/O error (SQLite's code 1034)");
    }
}
