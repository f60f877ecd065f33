//! Transformations of endpoints: code that may change each webhook before it is sent.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::{Redacted, Timestamp};
use ringback_service::{ProbeEvent, RequestView, Service, TransformationChange, TransformationTrial};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::patch::Patch;
use crate::problem::Problem;
use crate::respond;

/// The transformation of an endpoint.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointTransformationOut {
    /// JavaScript with a function `handler`; null if there is none.
    #[schema(value_type = Option<String>, example = "function handler(webhook) { return webhook }")]
    code: Option<Redacted>,
    /// Whether it is run.
    enabled: bool,
    /// What the code finds as `webhook.variables`.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    variables: IndexMap<String, Redacted>,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

/// Changes of a transformation; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointTransformationPatch {
    /// JavaScript with `function handler(webhook) { ... return webhook }`; null takes it away.
    #[schema(value_type = Option<String>, max_length = 51_200, example = "function handler(webhook) { return webhook }")]
    #[serde(default)]
    code: Patch<Redacted>,
    /// Whether it is run.
    #[serde(default)]
    enabled: Option<bool>,
    /// All variables, in the place of those that there are; null removes them.
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    #[serde(default)]
    variables: Patch<IndexMap<String, Redacted>>,
}

/// A transformation to try.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrialIn<'a> {
    #[serde(default)]
    code: Option<Redacted>,
    #[serde(default)]
    variables: Option<IndexMap<String, Redacted>>,
    #[serde(default)]
    event_type: Option<String>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// A transformation to try, and the event that it is tried on.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `TrialIn` reads")]
pub(crate) struct EndpointTransformationSimulateIn {
    /// The code; that of the endpoint if absent, whether it is run or not.
    #[schema(max_length = 51_200, example = "function handler(webhook) { return webhook }")]
    code: Option<String>,
    /// The variables; those of the endpoint if absent.
    variables: Option<std::collections::HashMap<String, String>>,
    /// The event type; what the endpoint's filters say if absent.
    #[schema(min_length = 1, max_length = 256, example = "sms.dlr")]
    event_type: Option<String>,
    /// What is delivered; the sample of the event type if absent.
    #[schema(value_type = Option<Object>)]
    payload: Option<serde_json::Value>,
}

/// The request that a transformation makes. Nothing was sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointTransformationSimulateOut {
    /// The method.
    #[schema(example = "POST")]
    method: String,
    /// The URL with its query.
    #[schema(format = "uri")]
    url: String,
    /// The headers, those that the code adds among them; secret values are masked.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: IndexMap<String, String>,
    /// The body.
    payload: String,
    /// The code wants nothing to be sent; the rest is empty.
    cancel: bool,
}

impl From<Option<RequestView>> for EndpointTransformationSimulateOut {
    fn from(made: Option<RequestView>) -> Self {
        let cancel = made.is_none();
        let RequestView { method, url, headers, body: payload } = made.unwrap_or_default();
        Self { method, url, headers, payload, cancel }
    }
}

/// Reads the transformation of an endpoint.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/transformation",
    operation_id = "v1.endpoint.transformation-get", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 200, body = EndpointTransformationOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let kept = service.get_transformation(&actor, &app, &endpoint).await?;
    let out = kept.map_or_else(EndpointTransformationOut::default, |kept| EndpointTransformationOut {
        code: kept.code,
        enabled: kept.enabled,
        variables: kept.variables,
        updated_at: Some(kept.updated_at),
    });
    Ok(respond::json(StatusCode::OK, &out))
}

/// Changes the transformation of an endpoint.
///
/// From then on each webhook goes through it, those that wait for another try too.
#[utoipa::path(
    patch, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/transformation",
    operation_id = "v1.endpoint.patch-transformation", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointTransformationPatch, responses((status = 204)),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: EndpointTransformationPatch = asked.config(&[])?;
    let change = TransformationChange {
        code: match body.code {
            Patch::Absent => None,
            Patch::Null => Some(None),
            Patch::Set(code) => Some(Some(code)),
        },
        enabled: body.enabled,
        variables: match body.variables {
            Patch::Absent => None,
            Patch::Null => Some(IndexMap::new()),
            Patch::Set(variables) => Some(variables),
        },
    };
    service.change_transformation(&asked.actor, &app, &endpoint, &change, asked.idempotency).await?;
    Ok(respond::nothing())
}

/// Tries a transformation on an event. Nothing is kept and nothing is sent.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/transformation/simulate",
    operation_id = "v1.endpoint.transformation-simulate", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointTransformationSimulateIn,
    responses((status = 200, body = EndpointTransformationSimulateOut)),
)]
pub(crate) async fn simulate(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let TrialIn { code, variables, event_type, payload } = asked.json()?;
    let payload = payload.map(|payload| Bytes::copy_from_slice(payload.get().as_bytes()));
    let trial = TransformationTrial { code, variables, event: ProbeEvent { event_type, payload, unmarked: false } };
    let view = service.try_transformation(&asked.actor, &app, &endpoint, trial).await?;
    Ok(respond::json(StatusCode::OK, &EndpointTransformationSimulateOut::from(view)))
}
