//! Whether the server is up, and whether it can do its work. No token is asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use ringback_service::Service;

use crate::openapi::HttpErrorOut;
use crate::problem::Problem;
use crate::respond;

/// 204 if a write and a read go through the store.
#[utoipa::path(
    get, path = "/api/v1/health", operation_id = "v1.health.get", tag = "Health", security(()),
    responses(
        (status = 204, description = "The server can do its work."),
        (status = 500, description = "It cannot, and why.", body = HttpErrorOut),
    ),
)]
pub(crate) async fn get(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    service.health().await.map_err(|error| Problem::unhealthy(&error))?;
    Ok(respond::nothing())
}

/// 204 if the server is up, whatever its store does.
#[utoipa::path(
    get, path = "/api/v1/health/ping", operation_id = "v1.health.ping", tag = "Health", security(()),
    responses((status = 204, description = "The server is up.")),
)]
pub(crate) async fn ping() -> Response {
    respond::nothing()
}
