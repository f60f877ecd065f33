//! What can go wrong in a use case, by what the caller can do about it.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ringback_store::StoreError;

/// A boxed cause.
type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// How long to wait before a request that could not be served is worth repeating.
const RETRY_SOON: Duration = Duration::from_secs(1);
/// The same for a disk that is full: somebody has to make room first.
const RETRY_WHEN_THERE_IS_ROOM: Duration = Duration::from_secs(30);

/// One thing that is wrong with a request: where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The way to it: `body`, `query` or `header` first, then names of members and positions in lists.
    pub path: Vec<Cow<'static, str>>,
    /// What to change.
    pub message: String,
    /// The kind of error, as clients know it: `value_error` and its like.
    pub kind: &'static str,
}

impl FieldError {
    /// An error of a member of the request's body.
    pub fn body(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::at([Cow::Borrowed("body"), field.into()], message)
    }

    /// An error of a parameter of the query.
    pub fn query(name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::at([Cow::Borrowed("query"), name.into()], message)
    }

    /// An error at any place.
    pub fn at(path: impl Into<Vec<Cow<'static, str>>>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), kind: "value_error" }
    }
}

/// What was not found. Whether it never was, was deleted or belongs to somebody else is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An application.
    Application,
    /// An endpoint.
    Endpoint,
    /// An event type.
    EventType,
    /// A message.
    Message,
    /// An attempt.
    Attempt,
    /// A client of the token issuer.
    OauthClient,
    /// A background task.
    Task,
    /// A link or token that was given out.
    Token,
    /// A user of the console.
    User,
    /// An integration.
    Integration,
    /// A poller.
    Poller,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "There is no application with this id or uid.",
            Self::Endpoint => "There is no endpoint with this id or uid in this application.",
            Self::EventType => "There is no event type with this name.",
            Self::Message => "There is no message with this id or eventId in this application.",
            Self::Attempt => "There is no attempt with this id for this message.",
            Self::Integration => "There is no integration with this id in this application.",
            Self::Poller => "There is no polling endpoint with this id or uid in this application.",
            Self::User => "There is no user with this id.",
            Self::Token => "There is no such link or token any more.",
            Self::Task => "There is no background task with this id.",
            Self::OauthClient => "There is no client with this id for this application.",
        })
    }
}

/// Why a use case did not come to its end. Nothing of it was kept, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Something in the request has to be changed.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// The request makes sense, but not in this state of things.
    #[error("{detail}")]
    Refused {
        /// A stable word for it.
        code: &'static str,
        /// What to do.
        detail: String,
    },
    /// No token, or none that counts.
    #[error("{0}")]
    Unauthenticated(String),
    /// The token is good, and not for this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It does not exist, as far as the caller may know.
    #[error("{0}")]
    NotFound(Resource),
    /// Something else stands in the way.
    #[error("{detail}")]
    Conflict {
        /// A stable word for it.
        code: &'static str,
        /// What stands in the way.
        detail: String,
    },
    /// It was asked for too often, or too much is there already; the same request may succeed later.
    #[error("{detail}")]
    TooMany {
        /// A stable word for it.
        code: &'static str,
        /// How often is allowed.
        detail: String,
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// It cannot be done now; the same request may succeed later.
    #[error("this cannot be served now")]
    Unavailable {
        /// When it is worth another try.
        retry_after: Duration,
        /// Why, for the log.
        #[source]
        source: Option<BoxError>,
    },
    /// A fault of ours.
    #[error("an internal fault")]
    Internal(#[source] BoxError),
}

impl ServiceError {
    /// One thing to change in the request's body.
    pub fn body(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::body(field, message)])
    }

    /// The same of what stands deeper in the body, below this member.
    pub(crate) fn below(self, member: &'static str) -> Self {
        let deeper = |mut fault: FieldError| {
            fault.path.insert(fault.path.len().min(1), member.into());
            fault
        };
        match self {
            Self::Invalid(faults) => Self::Invalid(faults.into_iter().map(deeper).collect()),
            other => other,
        }
    }

    /// The idempotency key was used for something else.
    pub(crate) fn key_reused() -> Self {
        Self::Conflict {
            code: "idempotency_key_reused",
            detail:
                "This idempotency-key was used before with another body. Use a new key for a new request, or repeat \
                     the first body byte for byte to get the first answer again."
                    .to_owned(),
        }
    }

    /// Somebody else has changed it since it was looked at.
    pub(crate) fn changed(what: &str) -> Self {
        Self::Conflict { code: "changed", detail: format!("Somebody else has changed the {what} since you opened it.") }
    }

    /// Others changed the same thing each time we tried.
    pub(crate) const fn contended() -> Self {
        Self::Unavailable { retry_after: RETRY_SOON, source: None }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => {
                Self::Unavailable { retry_after: RETRY_WHEN_THERE_IS_ROOM, source: Some(Box::new(error)) }
            }
            StoreError::Unavailable { .. } | StoreError::Broken => {
                Self::Unavailable { retry_after: RETRY_SOON, source: Some(Box::new(error)) }
            }
            StoreError::Corrupt { .. } | StoreError::Open(_) => Self::Internal(Box::new(error)),
        }
    }
}

/// A document that was just read or is about to be written does not go through JSON.
impl From<serde_json::Error> for ServiceError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}
