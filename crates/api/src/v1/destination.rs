//! Destinations of the kind that is asked for its messages: polling endpoints. All other kinds are pushed to, and this
//! server pushes over HTTP alone, which endpoints are for.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use indexmap::IndexMap;
use ringback_model::{Poller, PollerId, Timestamp};
use ringback_service::{FieldError, PollerDraft, Service};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, LIMIT_DEFAULT, ListParams, ListResponse, OrderParam};
use crate::patch::Patch;
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// The one kind of destination.
const POLLING: &str = "pollingEndpoint";

/// What is said of a destination.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationIn {
    /// `pollingEndpoint`.
    #[schema(example = "pollingEndpoint")]
    r#type: String,
    /// Your own id for it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9\\-_.]+$")]
    uid: Option<String>,
    /// Whether it may be read from. What comes is kept for it in either case.
    #[serde(default)]
    status: Option<DestinationStatus>,
    /// The types of messages that it gets; all of them if absent or empty.
    #[serde(default)]
    event_types: Option<Vec<String>>,
    /// It gets messages that carry one of these channels; all of them if absent or empty.
    #[serde(default)]
    channels: Option<Vec<String>>,
    /// Your own notes.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Option<IndexMap<String, String>>,
}

/// What is to be changed of a destination: what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationPatch {
    /// `pollingEndpoint`, if anything.
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    uid: Patch<String>,
    #[serde(default)]
    status: Option<DestinationStatus>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    event_types: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    channels: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    metadata: Patch<IndexMap<String, String>>,
}

/// Whether a destination may be read from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DestinationStatus {
    /// It may.
    Enabled,
    /// It may not, at present.
    Disabled,
}

/// A destination. A polling endpoint has no `config`.
// A client library that reads strictly takes none, and no empty one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DestinationOut {
    #[schema(value_type = String, example = "poll_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: PollerId,
    uid: Option<String>,
    r#type: &'static str,
    status: DestinationStatus,
    /// The place before its first message.
    current_iterator: &'static str,
    /// Messages that one answer has, if whoever asks does not say.
    batch_size: usize,
    /// Always 0: messages can be read as soon as they are accepted.
    max_wait_secs: u32,
    event_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: IndexMap<String, String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Poller> for DestinationOut {
    fn from(poller: Poller) -> Self {
        let Poller { id, uid, disabled, event_types, channels, metadata, created_at, updated_at } = poller;
        Self {
            id,
            uid,
            r#type: POLLING,
            status: if disabled { DestinationStatus::Disabled } else { DestinationStatus::Enabled },
            current_iterator: "0",
            batch_size: LIMIT_DEFAULT,
            max_wait_secs: 0,
            event_types,
            channels,
            metadata,
            created_at,
            updated_at,
        }
    }
}

impl DestinationIn {
    fn draft(self) -> Result<PollerDraft, Problem> {
        check_kind(&self.r#type)?;
        Ok(PollerDraft {
            uid: self.uid,
            disabled: self.status == Some(DestinationStatus::Disabled),
            event_types: self.event_types.filter(|types| !types.is_empty()),
            channels: self.channels.filter(|channels| !channels.is_empty()),
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

impl DestinationPatch {
    fn write_to(&self, draft: &mut PollerDraft) {
        self.uid.clone().write_option(&mut draft.uid);
        if let Some(status) = self.status {
            draft.disabled = status == DestinationStatus::Disabled;
        }
        self.event_types.clone().write_option(&mut draft.event_types);
        self.channels.clone().write_option(&mut draft.channels);
        self.metadata.clone().write(&mut draft.metadata, IndexMap::new());
        // An empty list leaves nothing out, as none does.
        draft.event_types = draft.event_types.take().filter(|types| !types.is_empty());
        draft.channels = draft.channels.take().filter(|channels| !channels.is_empty());
    }
}

fn check_kind(kind: &str) -> Result<(), Problem> {
    if kind == POLLING {
        return Ok(());
    }
    let rule = "It is `pollingEndpoint`. To have messages sent, make an endpoint: POST /api/v1/app/{app_id}/endpoint.";
    Err(Problem::invalid([FieldError::body("type", rule)]))
}

/// Lists the polling endpoints of an application.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/destination", operation_id = "v1.destination.list", tag = "Destination",
    params(("app_id" = String, Path, description = "Id or uid of the application."), ListParams, OrderParam),
    responses((status = 200, body = ListResponse<DestinationOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let page = service.list_pollers(&actor, &app, &query.window(Direction::Descending, true)?).await?;
    Ok(paging::page(page, |poller| poller.id.to_string(), DestinationOut::from))
}

/// Makes a polling endpoint: it gets the messages that are accepted from now on.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/destination", operation_id = "v1.destination.create", tag = "Destination",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = DestinationIn,
    responses((status = 201, body = DestinationOut)),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<DestinationIn>(&[])?.draft()?;
    let poller = service.create_poller(&asked.actor, &app, draft, asked.idempotency).await?;
    Ok(respond::json(StatusCode::CREATED, &DestinationOut::from(poller)))
}

/// Reads a polling endpoint.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/destination/{destination_id}", operation_id = "v1.destination.get",
    tag = "Destination",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("destination_id" = String, Path, description = "Id or uid of the polling endpoint."),
    ),
    responses((status = 200, body = DestinationOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, destination)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let poller = service.get_poller(&actor, &app, &destination).await?;
    Ok(respond::json(StatusCode::OK, &DestinationOut::from(poller)))
}

/// Replaces what a polling endpoint says, or makes one.
#[utoipa::path(
    put, path = "/api/v1/app/{app_id}/destination/{destination_id}", operation_id = "v1.destination.update",
    tag = "Destination",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("destination_id" = String, Path, description = "Id or uid of the polling endpoint."),
    ),
    request_body = DestinationIn,
    responses((status = 200, body = DestinationOut), (status = 201, description = "There was none.", body = DestinationOut)),
)]
pub(crate) async fn put(
    State(service): State<Arc<Service>>,
    Path((app, destination)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let draft = asked.config::<DestinationIn>(&[])?.draft()?;
    let made = service.put_poller(&asked.actor, &app, &destination, draft).await?;
    let status = if made.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(respond::json(status, &DestinationOut::from(made.item)))
}

/// Changes what a polling endpoint says. What it has got stays.
#[utoipa::path(
    patch, path = "/api/v1/app/{app_id}/destination/{destination_id}", operation_id = "v1.destination.patch",
    tag = "Destination",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("destination_id" = String, Path, description = "Id or uid of the polling endpoint."),
    ),
    request_body = DestinationPatch,
    responses((status = 200, body = DestinationOut)),
)]
pub(crate) async fn patch(
    State(service): State<Arc<Service>>,
    Path((app, destination)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let patch: DestinationPatch = asked.config(&[])?;
    patch.r#type.as_deref().map_or(Ok(()), check_kind)?;
    let change = |draft: &mut PollerDraft| patch.write_to(draft);
    let poller = service.update_poller(&asked.actor, &app, &destination, change).await?;
    Ok(respond::json(StatusCode::OK, &DestinationOut::from(poller)))
}

/// Deletes a polling endpoint.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/destination/{destination_id}", operation_id = "v1.destination.delete",
    tag = "Destination",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("destination_id" = String, Path, description = "Id or uid of the polling endpoint."),
    ),
    responses((status = 204, description = "It is deleted.")),
)]
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Path((app, destination)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.delete_poller(&actor, &app, &destination).await?;
    Ok(respond::nothing())
}
