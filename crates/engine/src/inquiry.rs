//! Questions to servers that are no receivers: an issuer of tokens is asked for its keys, or about a token, and a collector
//! whether it takes what it is sent.
//!
//! They go the one way out like everything else, each on a connection of its own, follow no redirect, and have an answer
//! only if it is a whole one with the status 200.

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use ringback_model::{AttemptOutcome, Redacted};
use url::form_urlencoded;

use crate::egress::TargetUrl;
use crate::oauth::basic;
use crate::transport::{BodyEnd, OutgoingRequest};

/// A question. What is asked may be secret, so [`Debug`](std::fmt::Debug) shows nothing but where it goes.
#[derive(Clone)]
pub struct Inquiry {
    pub(crate) target: TargetUrl,
    /// What goes along, beside what every question has.
    headers: HeaderMap,
    /// What is sent, and what it is.
    body: Option<(Bytes, HeaderValue)>,
}

impl std::fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inquiry").field("target", &self.target).finish_non_exhaustive()
    }
}

/// Why there is no answer. It names neither what was asked nor what was answered, so it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InquiryError {
    /// It could not be asked, or said nothing.
    #[error("it could not be asked: {0}")]
    NoAnswer(AttemptOutcome),
    /// The answer is not 200.
    #[error("it answered {0} where 200 was expected")]
    Status(u16),
    /// The answer is larger than what is read of one.
    #[error("its answer is larger than 64 KiB")]
    TooLong,
    /// The answer was cut off.
    #[error("its answer was cut off")]
    Cut,
}

impl Inquiry {
    /// Asks for what is there (`GET`).
    #[must_use]
    pub fn get(target: TargetUrl) -> Self {
        Self { target, headers: HeaderMap::new(), body: None }
    }

    /// Sends a form, as a client that shows its id and secret (`POST`, RFC 6749, section 2.3.1).
    #[must_use]
    pub fn form(target: TargetUrl, (id, secret): (&str, &Redacted), members: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(members);
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, basic(id, secret))]);
        Self { target, headers, body: Some((form.finish().into(), kind)) }
    }

    /// Sends JSON (`POST`), and with it these headers.
    #[must_use]
    pub fn json(target: TargetUrl, headers: HeaderMap, body: Bytes) -> Self {
        Self { target, headers, body: Some((body, HeaderValue::from_static("application/json"))) }
    }

    pub(crate) fn request(&self) -> OutgoingRequest {
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            (USER_AGENT, HeaderValue::from_static(ringback_wire::USER_AGENT)),
        ]);
        headers.extend(self.headers.clone());
        let (method, body) = match &self.body {
            None => (Method::GET, Bytes::new()),
            Some((body, kind)) => {
                headers.insert(CONTENT_TYPE, kind.clone());
                (Method::POST, body.clone())
            }
        };
        OutgoingRequest { method, path_and_query: self.target.path_and_query().clone(), headers, body }
    }
}

/// The body of an answer, if it is one.
pub(crate) const fn complete(status: u16, end: BodyEnd) -> Result<(), InquiryError> {
    match (status, end) {
        (200, BodyEnd::Complete) => Ok(()),
        (200, BodyEnd::TooLong) => Err(InquiryError::TooLong),
        (200, BodyEnd::TooSlow | BodyEnd::Broken) => Err(InquiryError::Cut),
        (status, _) => Err(InquiryError::Status(status)),
    }
}
