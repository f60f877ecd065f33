//! Signing secrets of endpoints.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::Redacted;
use ringback_service::{Right, RotateDraft, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::problem::Problem;
use crate::respond;

/// How long an old secret signs along when nobody says.
const GRACE_DEFAULT: u64 = 86_400;

/// What signatures are verified with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointSecretOut {
    /// The shared secret, `whsec_…`, or the public key, `whpk_…`.
    #[schema(value_type = String, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    key: Redacted,
    /// The key of the handshake, if the endpoint has one: `token`, `validation_key` or `hub.verify_token` of its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    validation_key: Option<Redacted>,
}

/// A rotation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointSecretRotateIn {
    /// The new secret; one is drawn if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    key: Option<Redacted>,
    /// For how long the old secret signs along.
    #[serde(default)]
    #[schema(maximum = 604_800, default = 86_400)]
    grace_period_seconds: Option<u64>,
}

/// Reads what signatures of an endpoint are verified with.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", operation_id = "v1.endpoint.get-secret",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 200, body = EndpointSecretOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let key = service.get_secret(&actor, &app, &endpoint).await?;
    let validation_key = service.get_validation_key(&actor, &app, &endpoint).await?;
    Ok(respond::json(StatusCode::OK, &EndpointSecretOut { key, validation_key }))
}

/// Makes a new secret the current one.
///
/// The old one signs along for a while.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate",
    operation_id = "v1.endpoint.rotate-secret", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = EndpointSecretRotateIn,
    responses(
        (status = 200, description = "The new secret.", body = EndpointSecretOut),
        (status = 204, description = "It is the current one. A token that may not see secrets is not told it."),
    ),
)]
pub(crate) async fn rotate(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    // There is nothing that has to be said.
    let body = if asked.body.is_empty() { EndpointSecretRotateIn::default() } else { asked.config(&[])? };
    let grace = Duration::from_secs(body.grace_period_seconds.unwrap_or(GRACE_DEFAULT));
    let draft = RotateDraft { key: body.key, grace };
    service.rotate_secret(&asked.actor, &app, &endpoint, &draft, asked.idempotency).await?;
    // The newest SDKs read the new secret out of the answer; those before them look at the status alone. Whoever may
    // put a new one and see none gets none.
    if !asked.actor.may(Right::ReadSecrets) {
        return Ok(respond::nothing());
    }
    let key = service.get_secret(&asked.actor, &app, &endpoint).await?;
    Ok(respond::json(StatusCode::OK, &EndpointSecretOut { key, validation_key: None }))
}
