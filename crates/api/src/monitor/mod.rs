//! What an operator's own tools read: `/metrics` and `/readyz`. No token is asked for.
//!
//! Both stand beside the API, or, where the operator names an address for them, on a listener of their own. Ids of
//! customers are shown on the latter alone: whoever can reach the API may not know who else uses it.

mod exposition;
mod family;
mod metrics;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use ringback_model::Counter;
use ringback_service::{Check, Monitor};
use serde::Serialize;

use crate::respond;

pub use family::{Family, Number, Point, Readings};

/// How requests were answered, by kind of status.
#[derive(Debug, Default)]
pub(crate) struct RequestMeter {
    counters: [Counter; KINDS.len()],
}

/// The kinds. 429 and 503 stand alone: they tell producers to come again.
const KINDS: [&str; 6] = ["2xx", "3xx", "4xx", "429", "5xx", "503"];

impl RequestMeter {
    /// A request was answered.
    pub(crate) fn count(&self, status: StatusCode) {
        let kind = match status.as_u16() {
            ..300 => 0,
            300..400 => 1,
            429 => 3,
            400..500 => 2,
            503 => 5,
            500.. => 4,
        };
        self.counters[kind].add_one();
    }

    fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().zip(&self.counters).map(|(kind, counter)| (*kind, counter.get()))
    }
}

/// Whether ids of customers may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Whoever can reach the API.
    Public,
    /// The operator.
    Operator,
}

/// What reads the figures of a server, for whoever hands them on.
#[derive(Clone, Debug)]
pub struct FigureReader {
    monitor: Arc<Monitor>,
    requests: Arc<RequestMeter>,
}

impl FigureReader {
    pub(crate) const fn new(monitor: Arc<Monitor>, requests: Arc<RequestMeter>) -> Self {
        Self { monitor, requests }
    }

    /// All figures of this moment, those of single applications included.
    pub async fn read(&self) -> Vec<Family> {
        metrics::families(&self.monitor.figures().await, &self.requests, Audience::Operator)
    }
}

/// The two paths.
pub(crate) fn routes(monitor: Arc<Monitor>, requests: Arc<RequestMeter>, audience: Audience) -> Router {
    let readiness = monitor.clone();
    Router::new()
        .route(
            "/metrics",
            get(async move || {
                let text = exposition::text(&metrics::families(&monitor.figures().await, &requests, audience));
                ([(CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response()
            }),
        )
        .route("/readyz", get(async move || ready(&readiness.readiness().await)))
}

#[derive(Serialize)]
struct ReadinessOut<'a> {
    status: &'static str,
    checks: Vec<CheckOut<'a>>,
}

#[derive(Serialize)]
struct CheckOut<'a> {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

fn ready(checks: &[Check]) -> Response {
    let is_ready = checks.iter().all(|check| check.trouble.is_none());
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let checks = checks.iter().map(|check| CheckOut {
        name: check.name,
        ok: check.trouble.is_none(),
        detail: check.trouble.as_deref(),
    });
    let body = ReadinessOut { status: if is_ready { "ready" } else { "unready" }, checks: checks.collect() };
    respond::json(status, &body)
}
