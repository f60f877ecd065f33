//! A request as it arrived.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::signature::{self, SignatureError};

/// A request as it arrived, before anything was answered.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// Place in the order of arrival at this receiver, from 0.
    pub number: usize,
    /// The method.
    pub method: Method,
    /// Path and query exactly as they stood in the request line.
    pub target: String,
    /// All headers; names in lower case, repeated ones kept.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// When the body was complete.
    pub arrived: Instant,
}

impl ReceivedRequest {
    /// The target up to the question mark: what answers are scripted by.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The raw query string, without the question mark; empty if there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first header of this name as text; `None` if absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text, with replacement characters where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks the Standard Webhooks signature: over the body, for GET over the raw query string.
    ///
    /// # Errors
    /// As [`signature::verify`].
    pub fn verify(&self, secret: &str) -> Result<(), SignatureError> {
        let content = if self.method == Method::GET { self.query().as_bytes() } else { &self.body[..] };
        signature::verify(secret, &self.headers, content)
    }
}
