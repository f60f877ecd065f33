//! Request headers of endpoints.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::Redacted;
use ringback_service::Service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint_value::HeaderList;
use crate::extract::{Asked, Caller, Path};
use crate::problem::Problem;
use crate::respond;

/// The headers of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointHeadersOut {
    /// Names and values.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: IndexMap<String, String>,
    /// Names of those whose values are not shown.
    sensitive: Vec<String>,
}

/// Headers in place of those that there are.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EndpointHeadersIn {
    /// An object of names and values, or a list of objects with `name`, `value` and `secret`.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: HeaderList,
}

/// Changes of headers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointHeadersPatchIn {
    /// Names and values to set; null removes a header.
    #[schema(value_type = std::collections::HashMap<String, Option<String>>)]
    headers: IndexMap<String, Option<Redacted>>,
    /// Names of headers to remove.
    #[serde(default)]
    delete_headers: Option<Vec<String>>,
}

/// Reads the headers of an endpoint.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", operation_id = "v1.endpoint.get-headers",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 200, body = EndpointHeadersOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let view = service.get_headers(&actor, &app, &endpoint).await?;
    let out = EndpointHeadersOut { headers: view.headers, sensitive: view.sensitive };
    Ok(respond::json(StatusCode::OK, &out))
}

/// Replaces the headers of an endpoint.
#[utoipa::path(
    put, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", operation_id = "v1.endpoint.update-headers",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointHeadersIn,
    responses((status = 204, description = "They are replaced.")),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: EndpointHeadersIn = asked.config(&[])?;
    service.put_headers(&asked.actor, &app, &endpoint, body.headers.0).await?;
    Ok(respond::nothing())
}

/// Changes some of the headers of an endpoint.
#[utoipa::path(
    patch, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", operation_id = "v1.endpoint.patch-headers",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointHeadersPatchIn,
    responses((status = 204, description = "They are changed.")),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: EndpointHeadersPatchIn = asked.config(&[])?;
    let removed = body.delete_headers.unwrap_or_default().into_iter().map(|name| (name, None));
    let changes: Vec<_> = body.headers.into_iter().chain(removed).collect();
    service.patch_headers(&asked.actor, &app, &endpoint, &changes).await?;
    Ok(respond::nothing())
}
