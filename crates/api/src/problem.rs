//! Errors as HTTP answers: the only place that knows which error is which status.
//!
//! Client libraries read every 4xx body as JSON, so there is none without. Faults of ours say no more than a request id;
//! their cause travels beside the answer ([`Cause`]) to where it is logged once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use ringback_service::{FieldError, ServiceError};
use serde::Serialize;

use crate::respond;

/// An error, ready to be sent.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Body,
    retry_after: Option<Duration>,
    cause: Option<Cause>,
    /// What is left of the request is not read, so nothing else can come over this connection.
    close: bool,
}

/// What went wrong behind an answer that does not tell.
#[derive(Clone, Debug)]
pub(crate) struct Cause(pub(crate) Arc<dyn std::error::Error + Send + Sync>);

/// What an answer says is wrong, beside it: for a path that says it in a shape of its own.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The stable word.
    pub(crate) code: &'static str,
    /// The sentence.
    pub(crate) message: Cow<'static, str>,
}

/// The two shapes of an error's body.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Body {
    /// One sentence.
    Plain { code: &'static str, detail: Cow<'static, str> },
    /// One sentence for each thing that is wrong with the request.
    Fields { detail: Vec<Item> },
}

/// One thing that is wrong with a request.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    loc: Vec<Cow<'static, str>>,
    msg: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Body {
    fn told(self) -> Told {
        match self {
            Self::Plain { code, detail } => Told { code, message: detail },
            Self::Fields { detail } => {
                let sentences: Vec<_> = detail.into_iter().map(|item| item.msg).collect();
                Told { code: "invalid_value", message: sentences.join(" ").into() }
            }
        }
    }
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        let body = Body::Plain { code, detail: detail.into() };
        Self { status, body, retry_after: None, cause: None, close: false }
    }

    /// 422 with these things to change.
    pub(crate) fn invalid(faults: impl IntoIterator<Item = FieldError>) -> Self {
        let item = |fault: FieldError| Item { loc: fault.path, msg: fault.message, kind: fault.kind };
        let body = Body::Fields { detail: faults.into_iter().map(item).collect() };
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, body, retry_after: None, cause: None, close: false }
    }

    /// 400: the request is cut off or not HTTP as we read it.
    pub(crate) fn bad_request(detail: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail).closing()
    }

    /// 404 for a path that leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path. See /docs for what there is.")
    }

    /// 421: the request is for a server of another name.
    pub(crate) fn not_this_host() -> Self {
        let detail = "This server does not go by the name in `host`. Its operator names it with --public-url or \
                      --allowed-hosts.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "misdirected_request", detail)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not know this method. See /docs for what it knows.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 413. What follows is not read.
    pub(crate) fn too_large() -> Self {
        let detail = "A request body has at most 2 MiB, one of many messages 8 MiB. Send large contents as a link.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail).closing()
    }

    /// 408. What follows is not read.
    pub(crate) fn too_slow() -> Self {
        let detail = "The body of the request did not come in time. Send the request again.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail).closing()
    }

    /// 500 that says what is wrong with the server, for whoever watches over it.
    pub(crate) fn unhealthy(error: &ServiceError) -> Self {
        let detail = match error {
            ServiceError::Unavailable { source: Some(source), .. } => source.to_string(),
            other => other.to_string(),
        };
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", detail)
    }

    /// Its status and body, where it is a part of an answer. What is our fault goes to the log here.
    pub(crate) fn into_part(self) -> (u16, Body) {
        if let Some(Cause(cause)) = &self.cause {
            tracing::error!(?cause, "a part of a request could not be carried out");
        }
        (self.status.as_u16(), self.body)
    }

    fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    fn caused_by(mut self, cause: Option<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = cause.map(|cause| Cause(cause.into()));
        self
    }

    /// 500 with the name of the request that the log has the cause under.
    pub(crate) fn internal(request_id: &str) -> Self {
        let detail = format!("Something went wrong here that should not have. The log has it as request {request_id}.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(faults) => Self::invalid(faults),
            ServiceError::Refused { code, detail } => Self::new(StatusCode::BAD_REQUEST, code, detail),
            ServiceError::Unauthenticated(detail) => {
                Self::new(StatusCode::UNAUTHORIZED, "authentication_failed", detail)
            }
            ServiceError::Forbidden(detail) => Self::new(StatusCode::FORBIDDEN, "insufficient access", detail),
            ServiceError::NotFound(resource) => Self::new(StatusCode::NOT_FOUND, "not_found", resource.to_string()),
            ServiceError::Conflict { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            ServiceError::TooMany { code, detail, retry_after } => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
                Self { retry_after: Some(retry_after), ..problem }
            }
            ServiceError::Unavailable { retry_after, source } => {
                let detail = "This cannot be served now. Nothing was kept: send the same request again a little later.";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).caused_by(source);
                Self { retry_after: Some(retry_after), ..problem }
            }
            // The name of the request is not known here; `front.rs` puts it in where it logs the cause.
            ServiceError::Internal(source) => Self::internal("unknown").caused_by(Some(source)),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = respond::json(self.status, &self.body);
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, respond::seconds(wait).into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response.extensions_mut().insert(self.body.told());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_says_when_and_what_is_our_fault_says_nothing_of_its_cause() {
        let cause = || -> Box<dyn std::error::Error + Send + Sync> { "secret detail".into() };
        let later = ServiceError::Unavailable { retry_after: Duration::from_millis(200), source: Some(cause()) };
        let later = Problem::from(later).into_response();
        assert_eq!(later.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(later.headers()[RETRY_AFTER], "1");
        assert!(later.extensions().get::<Cause>().is_some_and(|cause| cause.0.to_string() == "secret detail"));
        let fault = Problem::from(ServiceError::Internal(cause()));
        assert!(!serde_json::to_string(&fault.body).unwrap().contains("secret"));
        assert_eq!(fault.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
