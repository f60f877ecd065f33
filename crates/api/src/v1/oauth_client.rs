//! Clients of the built-in token issuer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{Redacted, Timestamp};
use ringback_service::{OauthClient, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::problem::Problem;
use crate::respond;

/// A new client.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OauthClientIn {
    /// Its name, for people.
    #[schema(max_length = 256)]
    name: String,
}

/// A client; its secret is there once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OauthClientOut {
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    client_secret: Option<Redacted>,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// The clients of an application.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OauthClientList {
    data: Vec<OauthClientOut>,
}

impl OauthClientOut {
    fn new(client: OauthClient, client_secret: Option<Redacted>) -> Self {
        let OauthClient { client_id, name, created_at, .. } = client;
        Self { client_id, client_secret, name, created_at }
    }
}

/// Makes a client, which gets tokens for the application at `/oauth/token`. Its secret is told now and never again.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/oauth-client", operation_id = "v1.oauth-client.create", tag = "OAuth client",
    params(("app_id" = String, Path, description = "Id or uid of the application.")), request_body = OauthClientIn,
    responses((status = 201, body = OauthClientOut)),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: OauthClientIn = asked.config(&[])?;
    let (client, secret) = service.create_oauth_client(&asked.actor, &app, &body.name).await?;
    Ok(respond::json(StatusCode::CREATED, &OauthClientOut::new(client, Some(secret))))
}

/// Lists the clients of an application.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/oauth-client", operation_id = "v1.oauth-client.list", tag = "OAuth client",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    responses((status = 200, body = OauthClientList)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let clients = service.list_oauth_clients(&actor, &app).await?;
    let data = clients.into_iter().map(|client| OauthClientOut::new(client, None)).collect();
    Ok(respond::json(StatusCode::OK, &OauthClientList { data }))
}

/// Removes a client; the tokens that it has end with it.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/oauth-client/{client_id}", operation_id = "v1.oauth-client.delete",
    tag = "OAuth client",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("client_id" = String, Path, description = "Id of the client."),
    ),
    responses((status = 204, description = "It is removed.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path((app, client)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.delete_oauth_client(&actor, &app, &client).await?;
    Ok(respond::nothing())
}
