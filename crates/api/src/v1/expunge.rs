//! Removing the contents of many messages for good.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_service::{FieldError, Right, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::background_task::BackgroundTaskOut;
use crate::extract::{Asked, Path};
use crate::problem::Problem;
use crate::respond;

/// Which messages.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct BulkExpungeContentsIn {
    /// By id or eventId.
    #[serde(default)]
    #[schema(max_items = 500)]
    ids: Option<Vec<String>>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkExpungeContentsOut {
    /// By the name that was given.
    #[schema(value_type = std::collections::HashMap<String, BulkExpungeStatus>)]
    results: IndexMap<String, BulkExpungeStatus>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BulkExpungeStatus {
    /// Its payload is gone.
    Expunged,
    /// The application has no message of this name.
    NotFound,
}

/// Removes the payloads of some messages, for good.
///
/// Deliveries of them that are pending have failed. What was sent, and where, is still told.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/bulk-expunge", operation_id = "v1.message.bulk-expunge-content",
    tag = "Message",
    params(("app_id" = String, Path, description = "Id or uid of the application.")),
    request_body = BulkExpungeContentsIn,
    responses((status = 200, body = BulkExpungeContentsOut)),
)]
pub(crate) async fn some(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::Expunge)?;
    let BulkExpungeContentsIn { ids } = asked.config(&[])?;
    // Whoever misspells it must not believe that something is gone.
    let missing = || Problem::invalid([FieldError::body("ids", "Name the messages by id or eventId.")]);
    let results = service.expunge_messages(&asked.actor, &app, ids.ok_or_else(missing)?).await?;
    let word = |was_there| if was_there { BulkExpungeStatus::Expunged } else { BulkExpungeStatus::NotFound };
    let results = results.into_iter().map(|(name, was_there)| (name, word(was_there))).collect();
    Ok(respond::json(StatusCode::OK, &BulkExpungeContentsOut { results }))
}

/// Removes the payloads of all messages that the application has now, for good, in the background.
///
/// How many they were is in the task: `data.messagesPurged`.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/expunge-all-contents", operation_id = "v1.message.expunge-all-contents",
    tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn all(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let task = service.start_purge(&asked.actor, &app, asked.idempotency).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &BackgroundTaskOut::from(task)))
}
