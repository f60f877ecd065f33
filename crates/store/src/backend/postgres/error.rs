//! From PostgreSQL's errors to ours.

use tokio_postgres::error::SqlState;

use crate::StoreError;
use crate::error::BoxError;

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqlError {
    /// The server or the connection says so.
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    /// There is no connection to be had: nothing was asked for.
    #[error("the database cannot be reached")]
    Unreachable(#[source] BoxError),
    /// No answer came in time.
    #[error("the database does not answer")]
    Silent,
    /// A stored value is none of those that it may be.
    #[error("a stored {what} cannot be read")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
}

pub(super) type Result<T, E = SqlError> = std::result::Result<T, E>;

/// What an error means for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection is of no more use. What was asked for on it may have been done.
    Lost,
    /// It collided with another transaction and may well succeed now.
    Collided,
    /// There is no room on the server's disk.
    Full,
    /// Something in it cannot be done, now or later.
    Refused,
}

impl SqlError {
    /// A stored value that is none of those that it may be.
    pub(super) fn unreadable(what: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Unreadable { what, source: source.into() }
    }

    /// What it means for the transaction that it ended.
    pub(super) fn trouble(&self) -> Trouble {
        let error = match self {
            Self::Postgres(error) => error,
            Self::Silent | Self::Unreachable(_) => return Trouble::Lost,
            Self::Unreadable { .. } => return Trouble::Refused,
        };
        let Some(state) = error.code() else {
            // No word of the server: the connection broke, unless a value could not be written for it or read from it.
            let text = error.to_string();
            let ours =
                ["error serializing", "error deserializing", "error encoding"].iter().any(|e| text.starts_with(e));
            return if ours { Trouble::Refused } else { Trouble::Lost };
        };
        match *state {
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::LOCK_NOT_AVAILABLE
            | SqlState::QUERY_CANCELED
            // Two with one idempotency key at once: the second attempt finds the first one's row.
            | SqlState::NOT_NULL_VIOLATION
            | SqlState::OUT_OF_MEMORY => Trouble::Collided,
            SqlState::DISK_FULL => Trouble::Full,
            // A server that was the primary and is no more, or is about to go.
            SqlState::READ_ONLY_SQL_TRANSACTION => Trouble::Lost,
            _ if state.code().starts_with("08") || state.code().starts_with("57P") => Trouble::Lost,
            _ => Trouble::Refused,
        }
    }

    /// Whether it is the values that cannot be written: they would fare no better another time.
    pub(super) fn is_of_the_values(&self) -> bool {
        match self {
            Self::Postgres(error) => error.code().is_none_or(|state| {
                // Data exceptions, violated constraints, limits of the program.
                ["22", "23", "54"].iter().any(|class| state.code().starts_with(class))
            }),
            Self::Unreadable { .. } => true,
            Self::Silent | Self::Unreachable(_) => false,
        }
    }

    /// The unique index that a value collided with.
    pub(super) fn taken(&self) -> Option<&str> {
        let Self::Postgres(error) = self else { return None };
        let error = error.as_db_error()?;
        (*error.code() == SqlState::UNIQUE_VIOLATION).then(|| error.constraint()).flatten()
    }
}

impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unreadable { what, source } => Self::Corrupt { what, source },
            other if other.trouble() == Trouble::Full => Self::Full,
            other => Self::Unavailable { source: other.into() },
        }
    }
}

/// An error with its causes, on one line: of each its first line, as the server's details quote rows.
pub(super) fn one_line(error: &SqlError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let mut lines: Vec<String> = Vec::new();
    for cause in causes {
        let line = cause.to_string().lines().next().unwrap_or_default().to_owned();
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.join(": ")
}

/// An error while the store is opened.
pub(super) fn open_error(doing: &str, error: &SqlError) -> StoreError {
    StoreError::Open(format!("{doing}: {}", one_line(error)))
}
