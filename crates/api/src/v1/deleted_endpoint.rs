//! Endpoints that were deleted: they are listed, and can come back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::Timestamp;
use ringback_service::{DeletedEndpoint, Service};
use ringback_store::Direction;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint_out::EndpointOut;
use crate::extract::{Caller, Path};
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// An endpoint that was deleted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedEndpointOut {
    /// When it was deleted.
    #[schema(value_type = String, format = DateTime)]
    deleted_at: Timestamp,
    /// Until when it can be restored, 30 days after its deletion. Then its secrets are erased and it is not listed any more,
    /// once nothing is left to send.
    #[schema(value_type = String, format = DateTime)]
    restorable_until: Timestamp,
    /// Deliveries that are still sent: what is left of a deletion with `drain`. At most 50,000 are counted.
    pending: u64,
    /// As it was.
    #[serde(flatten)]
    endpoint: EndpointOut,
}

impl From<DeletedEndpoint> for DeletedEndpointOut {
    fn from(deleted: DeletedEndpoint) -> Self {
        Self {
            deleted_at: deleted.deleted_at,
            restorable_until: deleted.restorable_until,
            pending: deleted.backlog.pending,
            endpoint: deleted.view.into(),
        }
    }
}

/// Lists the deleted endpoints of an application: those that can be restored, or have something left to send.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/deleted-endpoint", operation_id = "v1.endpoint.list-deleted", tag = "Endpoint",
    params(("app_id" = String, Path, description = "Id or uid of the application."), ListParams, OrderParam),
    responses((status = 200, body = ListResponse<DeletedEndpointOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = query.window(Direction::Descending, true)?;
    let page = service.list_deleted_endpoints(&actor, &app, window).await?;
    Ok(paging::page(page, |deleted| deleted.view.endpoint.id.to_string(), DeletedEndpointOut::from))
}

/// Brings a deleted endpoint back as it was, with its secrets, within 30 days.
///
/// What its deletion has called off stays so, until `bulk-replay` sends it again; what is still pending goes on.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/restore",
    operation_id = "v1.endpoint.restore", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id of the endpoint."),
    ),
    responses((status = 200, body = EndpointOut)),
)]
pub(crate) async fn restore(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let view = service.restore_endpoint(&actor, &app, &endpoint).await?;
    Ok(respond::json(StatusCode::OK, &EndpointOut::from(view)))
}
