//! Operational webhooks: where an organization is told what happens to its endpoints and deliveries.
//!
//! They are endpoints like any others, of an application that the organization has in the management organization. It is
//! made with the first of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{Actor, Leftovers, Service};

use super::endpoint_body::EndpointIn;
use super::endpoint_out::EndpointOut;
use super::header::{EndpointHeadersIn, EndpointHeadersOut, EndpointHeadersPatchIn};
use super::secret::{EndpointSecretOut, EndpointSecretRotateIn};
use super::{endpoint, header, secret};
use crate::extract::{Asked, Caller, Path};
use crate::paging::{ListParams, ListResponse, OrderParam};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// Lists the operational webhooks.
#[utoipa::path(
    get, path = "/api/v1/operational-webhook/endpoint", operation_id = "v1.operational-webhook.endpoint.list",
    tag = "Operational webhook", params(ListParams, OrderParam),
    responses((status = 200, body = ListResponse<EndpointOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (manager, app, is_there) = service.operational_webhooks(&actor, false).await?;
    if !is_there {
        let nothing = serde_json::json!({"data": [], "iterator": null, "prevIterator": null, "done": true});
        return Ok(respond::json(StatusCode::OK, &nothing));
    }
    endpoint::list(State(service), Path(app), query, Caller(manager)).await
}

/// Makes an operational webhook.
#[utoipa::path(
    post, path = "/api/v1/operational-webhook/endpoint", operation_id = "v1.operational-webhook.endpoint.create",
    tag = "Operational webhook",
    params(("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key.")),
    request_body = EndpointIn, responses((status = 201, body = EndpointOut)),
)]
pub(crate) async fn create(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&asked.actor, true).await?;
    endpoint::create(State(service), Path(app), as_manager(asked, manager)).await
}

/// Reads an operational webhook.
#[utoipa::path(
    get, path = "/api/v1/operational-webhook/endpoint/{webhook_id}",
    operation_id = "v1.operational-webhook.endpoint.get", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), responses((status = 200, body = EndpointOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&actor, false).await?;
    endpoint::get(State(service), Path((app, webhook)), Caller(manager)).await
}

/// Replaces an operational webhook, or makes it.
#[utoipa::path(
    put, path = "/api/v1/operational-webhook/endpoint/{webhook_id}",
    operation_id = "v1.operational-webhook.endpoint.update", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), request_body = EndpointIn, responses((status = 200, body = EndpointOut), (status = 201, description = "There was none.", body = EndpointOut)),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&asked.actor, true).await?;
    endpoint::put(State(service), Path((app, webhook)), as_manager(asked, manager)).await
}

/// Deletes an operational webhook.
#[utoipa::path(
    delete, path = "/api/v1/operational-webhook/endpoint/{webhook_id}",
    operation_id = "v1.operational-webhook.endpoint.delete", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&actor, false).await?;
    service.delete_endpoint(&manager, &app, &webhook, Leftovers::CallOff).await?;
    Ok(respond::nothing())
}

/// Reads what signatures of an operational webhook are verified with.
#[utoipa::path(
    get, path = "/api/v1/operational-webhook/endpoint/{webhook_id}/secret",
    operation_id = "v1.operational-webhook.endpoint.get-secret", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), responses((status = 200, body = EndpointSecretOut)),
)]
pub(crate) async fn get_secret(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&actor, false).await?;
    secret::get(State(service), Path((app, webhook)), Caller(manager)).await
}

/// Makes a new secret the current one; the old one signs along for a while.
#[utoipa::path(
    post, path = "/api/v1/operational-webhook/endpoint/{webhook_id}/secret/rotate",
    operation_id = "v1.operational-webhook.endpoint.rotate-secret", tag = "Operational webhook",
    params(
        ("webhook_id" = String, Path, description = "Id or uid of the operational webhook."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = EndpointSecretRotateIn, responses((status = 200, body = EndpointSecretOut)),
)]
pub(crate) async fn rotate_secret(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&asked.actor, true).await?;
    secret::rotate(State(service), Path((app, webhook)), as_manager(asked, manager)).await
}

/// Reads the headers of an operational webhook.
#[utoipa::path(
    get, path = "/api/v1/operational-webhook/endpoint/{webhook_id}/headers",
    operation_id = "v1.operational-webhook.endpoint.get-headers", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), responses((status = 200, body = EndpointHeadersOut)),
)]
pub(crate) async fn get_headers(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&actor, false).await?;
    header::get(State(service), Path((app, webhook)), Caller(manager)).await
}

/// Replaces the headers of an operational webhook.
#[utoipa::path(
    put, path = "/api/v1/operational-webhook/endpoint/{webhook_id}/headers",
    operation_id = "v1.operational-webhook.endpoint.update-headers", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), request_body = EndpointHeadersIn, responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn put_headers(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&asked.actor, true).await?;
    header::put(State(service), Path((app, webhook)), as_manager(asked, manager)).await
}

/// Changes headers of an operational webhook.
#[utoipa::path(
    patch, path = "/api/v1/operational-webhook/endpoint/{webhook_id}/headers",
    operation_id = "v1.operational-webhook.endpoint.patch-headers", tag = "Operational webhook",
    params(("webhook_id" = String, Path, description = "Id or uid of the operational webhook.")), request_body = EndpointHeadersPatchIn, responses((status = 204, description = "It is done.")),
)]
pub(crate) async fn patch_headers(
    State(service): State<Arc<Service>>,
    Path(webhook): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let (manager, app, _) = service.operational_webhooks(&asked.actor, true).await?;
    header::patch(State(service), Path((app, webhook)), as_manager(asked, manager)).await
}

/// The same request, made by whoever acts on the organization's operational webhooks.
fn as_manager(asked: Asked, manager: Arc<Actor>) -> Asked {
    Asked { actor: manager, ..asked }
}
