//! Endpoints: the webhooks of an application.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{Leftovers, Service};
use ringback_store::Direction;

use super::endpoint_body::{EndpointIn, EndpointPatch};
use super::endpoint_out::EndpointOut;
use super::endpoint_unknown;
use crate::extract::{Asked, Caller, Path};
use crate::not_yet;
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// Lists the endpoints of an application.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint", operation_id = "v1.endpoint.list", tag = "Endpoint",
    params(("app_id" = String, Path, description = "Id or uid of the application."), ListParams, OrderParam),
    responses((status = 200, body = ListResponse<EndpointOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = query.window(Direction::Descending, true)?;
    let page = service.list_endpoints(&actor, &app, &window).await?;
    Ok(paging::page(page, |view| view.endpoint.id.to_string(), EndpointOut::from))
}

/// Makes an endpoint.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint", operation_id = "v1.endpoint.create", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = EndpointIn,
    responses((status = 201, body = EndpointOut)),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<EndpointIn>(not_yet::ENDPOINT)?.draft()?;
    let mut view = service.create_endpoint(&asked.actor, &app, draft, asked.idempotency).await?;
    view.warnings.extend(endpoint_unknown::warnings(&asked.body));
    Ok(respond::json(StatusCode::CREATED, &EndpointOut::from(view)))
}

/// Reads an endpoint.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}", operation_id = "v1.endpoint.get", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 200, body = EndpointOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let view = service.get_endpoint(&actor, &app, &endpoint).await?;
    Ok(respond::json(StatusCode::OK, &EndpointOut::from(view)))
}

/// Replaces an endpoint, or makes it.
///
/// Its secret stays, and so do its headers unless the body has some.
#[utoipa::path(
    put, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}", operation_id = "v1.endpoint.update", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointIn,
    responses((status = 200, body = EndpointOut), (status = 201, description = "There was none.", body = EndpointOut)),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<EndpointIn>(not_yet::ENDPOINT)?.draft()?;
    let mut made = service.put_endpoint(&asked.actor, &app, &endpoint, draft).await?;
    made.item.warnings.extend(endpoint_unknown::warnings(&asked.body));
    Ok(respond::json(respond::made(made.created), &EndpointOut::from(made.item)))
}

/// Changes an endpoint.
#[utoipa::path(
    patch, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}", operation_id = "v1.endpoint.patch", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    request_body = EndpointPatch,
    responses((status = 200, body = EndpointOut)),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let patch = asked.config::<EndpointPatch>(not_yet::ENDPOINT)?.settled()?;
    patch.refuse_nulls()?;
    patch.keeps_the_secret()?;
    let mut view = service.update_endpoint(&asked.actor, &app, &endpoint, |draft| patch.apply(draft)).await?;
    view.warnings.extend(endpoint_unknown::warnings(&asked.body));
    Ok(respond::json(StatusCode::OK, &EndpointOut::from(view)))
}

/// Deletes an endpoint.
///
/// What is pending for it is called off, or with `drain` still sent, retries and all; new messages are not sent to it in
/// either case. Deleting it by its id once more, without `drain`, calls off what is left.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}", operation_id = "v1.endpoint.delete",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("drain" = Option<bool>, Query, description = "Send what is pending, rather than call it off."),
    ),
    responses((status = 204, description = "It is deleted.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let leftovers = if query.flag("drain")? { Leftovers::Send } else { Leftovers::CallOff };
    service.delete_endpoint(&actor, &app, &endpoint, leftovers).await?;
    Ok(respond::nothing())
}
