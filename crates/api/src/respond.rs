//! Answers: one buffer each, written once.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::problem::Problem;

/// How much room most answers need; larger ones grow.
const USUAL_SIZE: usize = 512;

/// An answer with this value as JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    json_sized(status, value, USUAL_SIZE)
}

/// The same, where the size is roughly known.
pub(crate) fn json_sized(status: StatusCode, value: &impl Serialize, size: usize) -> Response {
    let mut buffer = Vec::with_capacity(size);
    if let Err(error) = serde_json::to_writer(&mut buffer, value) {
        // Answers are made of texts, numbers and lists of them: no map with other keys than texts is among them.
        tracing::error!(%error, "an answer cannot be written as JSON");
        return Problem::internal("unknown").into_response();
    }
    let mut response = Response::new(Body::from(buffer));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A wait as `retry-after` tells it: whole seconds, never less than it is.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// 204.
pub(crate) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// 201 for what is new, 200 for what was there.
pub(crate) const fn made(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}
