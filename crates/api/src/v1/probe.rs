//! Requests that are no deliveries: the handshake with an endpoint, a test of it, and a preview of what it would get.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use indexmap::IndexMap;
use ringback_model::{Timestamp, VerificationState};
use ringback_service::{
    EndpointDraft, ExchangeView, PreviewView, ProbeEvent, ProbeSubject, RequestView, ResponseView, Service, TestView,
    Verdict, VerificationView,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::attempt::Timings;
use super::endpoint_body::{EndpointIn, EndpointPatch};
use super::endpoint_unknown;
use super::message_body::check_payload;
use crate::extract::{Asked, Caller, Path};
use crate::json::Text;
use crate::not_yet;
use crate::openapi::HttpErrorOut;
use crate::problem::Problem;
use crate::respond;

/// What is sent beside the members of the endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventIn<'a> {
    #[serde(borrow, default)]
    endpoint_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    event_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    test_header: Option<bool>,
}

/// An endpoint to try, and the event that is sent to it. The members of an endpoint stand beside these: all of them for
/// one that is not saved, or `endpointId` and what is to be different.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `EventIn` and `EndpointPatch` read")]
pub(crate) struct EndpointProbeIn {
    #[serde(flatten)]
    endpoint: EndpointPatch,
    /// Id or uid of a saved endpoint; the other members change it for this once.
    endpoint_id: Option<String>,
    /// The event type; what the endpoint's filters say if absent.
    #[schema(min_length = 1, max_length = 256, example = "sms.dlr")]
    event_type: Option<String>,
    /// What is delivered; the sample of the event type if absent.
    #[schema(value_type = Option<Object>)]
    payload: Option<serde_json::Value>,
    /// Whether the request has the header `x-webhook-test: true`, which no delivery has; it has if absent.
    #[schema(default = true)]
    test_header: Option<bool>,
}

/// A request as it went out. Secrets are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProbeRequestOut {
    #[schema(example = "POST")]
    method: String,
    #[schema(format = "uri")]
    url: String,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: IndexMap<String, String>,
    body: String,
}

/// An answer as it came. Secrets are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProbeResponseOut {
    status: u16,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: IndexMap<String, String>,
    /// The first 16 KiB of the body.
    body: String,
    /// Whether there was more.
    truncated: bool,
}

/// A request, its answer if one came, and how long it took.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProbeExchangeOut {
    request: ProbeRequestOut,
    response: Option<ProbeResponseOut>,
    timings: Timings,
}

/// What came of a request, in words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictOut {
    /// `success`, or what went wrong in one word.
    #[schema(value_type = String, example = "method")]
    class: &'static str,
    /// What happened.
    text: String,
    /// What to change; empty if nothing.
    advice: String,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointTestOut {
    #[serde(flatten)]
    exchange: ProbeExchangeOut,
    verdict: VerdictOut,
    /// What was changed about the endpoint on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// What a delivery would be.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointPreviewOut {
    request: ProbeRequestOut,
    /// What was changed about the endpoint on the way in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// Where the handshake of an endpoint stands after a try.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointVerifyOut {
    /// `verified`, `failed`, or `unverified` when nothing was learned about the receiver.
    #[schema(value_type = String, example = "verified")]
    state: VerificationState,
    /// Why the try did not pass.
    reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
    /// A URL that has still to pass before it takes the place of the one that receives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_url: Option<String>,
    exchange: Option<ProbeExchangeOut>,
}

impl From<RequestView> for ProbeRequestOut {
    fn from(view: RequestView) -> Self {
        Self { method: view.method, url: view.url, headers: view.headers, body: view.body }
    }
}

impl From<ResponseView> for ProbeResponseOut {
    fn from(view: ResponseView) -> Self {
        Self { status: view.status, headers: view.headers, body: view.body, truncated: view.truncated }
    }
}

impl From<ExchangeView> for ProbeExchangeOut {
    fn from(view: ExchangeView) -> Self {
        Self { request: view.request.into(), response: view.response.map(Into::into), timings: view.phases.into() }
    }
}

impl From<Verdict> for VerdictOut {
    fn from(verdict: Verdict) -> Self {
        Self { class: verdict.class.text(), text: verdict.text, advice: verdict.advice }
    }
}

impl From<TestView> for EndpointTestOut {
    fn from(view: TestView) -> Self {
        Self { exchange: view.exchange.into(), verdict: view.verdict.into(), warnings: view.warnings }
    }
}

impl From<PreviewView> for EndpointPreviewOut {
    fn from(view: PreviewView) -> Self {
        Self { request: view.request.into(), warnings: view.warnings }
    }
}

impl From<VerificationView> for EndpointVerifyOut {
    fn from(view: VerificationView) -> Self {
        Self {
            state: view.state,
            reason: view.reason,
            checked_at: view.checked_at,
            pending_url: view.pending_url,
            exchange: view.exchange.map(Into::into),
        }
    }
}

/// Shakes hands with the URL of an endpoint, once.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/verify", operation_id = "v1.endpoint.verify",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses(
        (status = 200, body = EndpointVerifyOut),
        (status = 429, description = "Too many handshakes in a minute.", body = HttpErrorOut, headers(("retry-after" = u64))),
    ),
)]
pub(crate) async fn verify(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let view = service.verify_endpoint(&actor, &app, &endpoint).await?;
    Ok(respond::json(StatusCode::OK, &EndpointVerifyOut::from(view)))
}

/// Sends a test to an endpoint that need not be saved, and says what came of it.
///
/// The request is that of a delivery with one header more, `x-webhook-test: true`, unless `testHeader` is false. Nothing is kept and nothing counted.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/test", operation_id = "v1.endpoint.test", tag = "Endpoint",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = EndpointProbeIn,
    responses(
        (status = 200, body = EndpointTestOut),
        (status = 429, description = "More than ten tests in a minute.", body = HttpErrorOut, headers(("retry-after" = u64))),
    ),
)]
pub(crate) async fn test(service: &Service, app: &str, asked: &Asked) -> Result<Response, Problem> {
    let (subject, event) = read(asked)?;
    let mut view = service.test_endpoint(&asked.actor, app, subject, event).await?;
    view.warnings.extend(endpoint_unknown::warnings_of_probe(&asked.body));
    Ok(respond::json(StatusCode::OK, &EndpointTestOut::from(view)))
}

/// Shows the request that a test would send, without sending it.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/preview", operation_id = "v1.endpoint.preview", tag = "Endpoint",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = EndpointProbeIn,
    responses((status = 200, body = EndpointPreviewOut)),
)]
pub(crate) async fn preview(service: &Service, app: &str, asked: &Asked) -> Result<Response, Problem> {
    let (subject, event) = read(asked)?;
    let mut view = service.preview_endpoint(&asked.actor, app, subject, event).await?;
    view.warnings.extend(endpoint_unknown::warnings_of_probe(&asked.body));
    Ok(respond::json(StatusCode::OK, &EndpointPreviewOut::from(view)))
}

/// POST to the path of an endpoint: `test` and `preview` stand where else a name does, and a name takes no POST.
pub(crate) async fn by_name(
    State(service): State<Arc<Service>>,
    Path((app, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    match name.as_str() {
        "test" => test(&service, &app, &asked).await,
        "preview" => preview(&service, &app, &asked).await,
        _ => {
            let mut refused = Problem::method_not_allowed().into_response();
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD,PUT,PATCH,DELETE"));
            Ok(refused)
        }
    }
}

/// The endpoint that is tried, and the event.
fn read(asked: &Asked) -> Result<(ProbeSubject, ProbeEvent), Problem> {
    let EventIn { endpoint_id, event_type, payload, test_header } = asked.json()?;
    payload.map_or(Ok(()), check_payload)?;
    let event = ProbeEvent {
        event_type: event_type.map(|Text(name)| name.into_owned()),
        payload: payload.map(|payload| Bytes::copy_from_slice(payload.get().as_bytes())),
        unmarked: test_header == Some(false),
    };
    let without = payload.map(|payload| asked.without(payload));
    let asked = without.as_ref().unwrap_or(asked);
    let Some(Text(name)) = endpoint_id else {
        let draft = asked.config::<EndpointIn>(not_yet::ENDPOINT)?.draft()?;
        return Ok((ProbeSubject::Unsaved(Box::new(draft)), event));
    };
    let patch = asked.config::<EndpointPatch>(not_yet::ENDPOINT)?.settled()?;
    patch.keeps_the_secret()?;
    let change = Box::new(move |draft: &mut EndpointDraft| patch.apply(draft));
    Ok((ProbeSubject::Saved { name: name.into_owned(), change }, event))
}
