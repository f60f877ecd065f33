//! Integrations of an application, and their keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{IntegrationId, Redacted, Timestamp};
use ringback_service::{Integration, IntegrationDraft, Service};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// What is said of an integration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationIn {
    /// Its name, for people.
    #[schema(min_length = 1, max_length = 1024)]
    name: String,
    /// Flags of event types that it sees.
    #[serde(default)]
    feature_flags: Option<Vec<String>>,
}

/// An integration.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationOut {
    #[schema(value_type = String, example = "integ_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: IntegrationId,
    name: String,
    feature_flags: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// What an integration shows to act for its application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IntegrationKeyOut {
    /// Sent as a bearer token.
    #[schema(value_type = String)]
    key: Redacted,
}

impl From<IntegrationIn> for IntegrationDraft {
    fn from(body: IntegrationIn) -> Self {
        Self { name: body.name, feature_flags: body.feature_flags.unwrap_or_default() }
    }
}

impl From<Integration> for IntegrationOut {
    fn from(integration: Integration) -> Self {
        let Integration { id, name, feature_flags, created_at, updated_at, .. } = integration;
        Self { id, name, feature_flags, created_at, updated_at }
    }
}

/// Lists the integrations of an application.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/integration", operation_id = "v1.integration.list", tag = "Integration",
    params(("app_id" = String, Path, description = "Id or uid of the application."), ListParams, OrderParam),
    responses((status = 200, body = ListResponse<IntegrationOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let page = service.list_integrations(&actor, &app, query.window(Direction::Descending, true)?).await?;
    Ok(paging::page(page, |integration| integration.id.to_string(), IntegrationOut::from))
}

/// Makes an integration, and its key.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/integration", operation_id = "v1.integration.create", tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = IntegrationIn,
    responses((status = 201, body = IntegrationOut)),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<IntegrationIn>(&[])?.into();
    let integration = service.create_integration(&asked.actor, &app, draft, asked.idempotency).await?;
    Ok(respond::json(StatusCode::CREATED, &IntegrationOut::from(integration)))
}

/// Reads an integration.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/integration/{integ_id}", operation_id = "v1.integration.get",
    tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("integ_id" = String, Path, description = "Id of the integration."),
    ),
    responses((status = 200, body = IntegrationOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, integration)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let integration = service.get_integration(&actor, &app, &integration).await?;
    Ok(respond::json(StatusCode::OK, &IntegrationOut::from(integration)))
}

/// Gives an integration another name and other flags; its key stays.
#[utoipa::path(
    put, path = "/api/v1/app/{app_id}/integration/{integ_id}", operation_id = "v1.integration.update",
    tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("integ_id" = String, Path, description = "Id of the integration."),
    ),
    request_body = IntegrationIn,
    responses((status = 200, body = IntegrationOut)),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path((app, integration)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<IntegrationIn>(&[])?.into();
    let integration = service.update_integration(&asked.actor, &app, &integration, &draft).await?;
    Ok(respond::json(StatusCode::OK, &IntegrationOut::from(integration)))
}

/// Deletes an integration; its key counts no more.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/integration/{integ_id}", operation_id = "v1.integration.delete",
    tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("integ_id" = String, Path, description = "Id of the integration."),
    ),
    responses((status = 204, description = "It is deleted.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path((app, integration)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.delete_integration(&actor, &app, &integration).await?;
    Ok(respond::nothing())
}

/// Reads the key of an integration.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/integration/{integ_id}/key", operation_id = "v1.integration.get-key",
    tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("integ_id" = String, Path, description = "Id of the integration."),
    ),
    responses((status = 200, body = IntegrationKeyOut)),
)]
pub(crate) async fn get_key(
    State(service): State<Arc<Service>>,
    Path((app, integration)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let key = service.get_integration_key(&actor, &app, &integration).await?;
    Ok(respond::json(StatusCode::OK, &IntegrationKeyOut { key }))
}

/// Gives an integration another key; the old one counts no more.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/integration/{integ_id}/key/rotate", operation_id = "v1.integration.rotate-key",
    tag = "Integration",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("integ_id" = String, Path, description = "Id of the integration."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    responses((status = 200, body = IntegrationKeyOut)),
)]
pub(crate) async fn rotate_key(
    State(service): State<Arc<Service>>,
    Path((app, integration)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let key = service.rotate_integration_key(&asked.actor, &app, &integration, asked.idempotency).await?;
    Ok(respond::json(StatusCode::OK, &IntegrationKeyOut { key }))
}
