//! Whether a message is worth making.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{Right, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Path};
use crate::problem::Problem;
use crate::respond;

/// A message that may be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessagePrecheckIn {
    /// Its event type.
    #[schema(min_length = 1, max_length = 256, example = "sms.dlr")]
    event_type: String,
    /// Its channels.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 5)]
    channels: Option<Vec<String>>,
}

/// Whether it would go anywhere.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagePrecheckOut {
    /// An endpoint would get it, if what it filters by beside type and channels lets it.
    active: bool,
}

/// Tells whether any endpoint would get a message of this type with these channels.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/precheck/active", operation_id = "v1.message.precheck", tag = "Message",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = MessagePrecheckIn, responses((status = 200, body = MessagePrecheckOut)),
)]
pub(crate) async fn active(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::CreateMessages)?;
    let MessagePrecheckIn { event_type, channels } = asked.config(&[])?;
    let active = service.has_takers(&asked.actor, &app, &event_type, &channels.unwrap_or_default()).await?;
    Ok(respond::json(StatusCode::OK, &MessagePrecheckOut { active }))
}
