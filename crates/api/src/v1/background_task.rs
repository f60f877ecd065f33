//! Background tasks: what they do, how far they are, calling them off; and what starts them on an endpoint.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{
    AppEventTypes, AppId, AppUsage, EndpointId, Task, TaskFindings, TaskId, TaskKind, TaskScope, TaskState, Timestamp,
};
use ringback_service::{Actor, CallOff, Service, TaskDraft, TaskFilter};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::attempt::EmptyResponse;
use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, ListParams, ListResponse, OrderParam};
use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// Since when and until when messages were accepted.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RecoverIn {
    /// Messages accepted since this time.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Messages accepted until this time; until now if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only messages with this tag.
    #[serde(default)]
    tag: Option<String>,
}

/// Which messages are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkReplayIn {
    /// Messages accepted since this time.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Messages accepted until this time; until now if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only messages of these types.
    #[serde(default)]
    event_types: Option<Vec<String>>,
    /// Only messages with this channel.
    #[serde(default)]
    channel: Option<String>,
    /// Only messages with this tag.
    #[serde(default)]
    tag: Option<String>,
    /// Only deliveries that succeeded (0), failed (2) or were canceled (4).
    #[serde(default)]
    status: Option<u8>,
    /// Only deliveries whose last attempt was answered with 100, 200 and so on; 0 for no answer.
    #[serde(default)]
    status_code_class: Option<u16>,
}

/// A background task.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackgroundTaskOut {
    #[schema(value_type = String, example = "qtask_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: TaskId,
    /// `endpoint.recover`, `endpoint.replay`, `endpoint.bulk-replay`, `endpoint.cancel`, `application.stats`,
    /// `event-type.aggregate`, `application.purge_content`.
    #[schema(value_type = String)]
    task: TaskKind,
    /// `running`, `finished`, `failed`, `canceled`.
    #[schema(value_type = String)]
    status: TaskState,
    data: BackgroundTaskData,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// How far a task is, and what it has found out. What there is goes by what it does.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackgroundTaskData {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    app_id: Option<AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    endpoint_id: Option<EndpointId>,
    /// Messages that it has looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_looked_at: Option<u64>,
    /// Deliveries that it has made due again, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries_changed: Option<u64>,
    /// Messages whose payload it has removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_purged: Option<u64>,
    /// Applications that it has looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    applications_looked_at: Option<u64>,
    /// What it has counted: when it is finished and asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_stats: Option<Vec<AppUsageOut>>,
    /// What it has gathered, likewise. The name is that of the reference.
    #[serde(rename = "event_types", skip_serializing_if = "Option::is_none")]
    event_types: Option<Vec<AppEventTypesOut>>,
    /// Why it could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// What was counted of an application.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUsageOut {
    #[schema(value_type = String)]
    app_id: AppId,
    app_uid: Option<String>,
    /// Deliveries that came to their end, retries not counted.
    message_destinations: u64,
}

/// What the endpoints of an application ask for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppEventTypesOut {
    #[schema(value_type = String)]
    app_id: AppId,
    /// Types, and patterns of them, that an endpoint names.
    explicitly_subscribed_event_types: Vec<String>,
    /// Some endpoint gets all types.
    has_catch_all_endpoint: bool,
}

impl From<AppUsage> for AppUsageOut {
    fn from(usage: AppUsage) -> Self {
        let AppUsage { app, uid, deliveries } = usage;
        Self { app_id: app, app_uid: uid, message_destinations: deliveries }
    }
}

impl From<AppEventTypes> for AppEventTypesOut {
    fn from(types: AppEventTypes) -> Self {
        let AppEventTypes { app, named, catches_all } = types;
        Self { app_id: app, explicitly_subscribed_event_types: named, has_catch_all_endpoint: catches_all }
    }
}

impl BackgroundTaskData {
    fn of(task: &Task) -> Self {
        let data =
            Self { app_id: task.app, endpoint_id: task.endpoint, failure: task.failure.clone(), ..Self::default() };
        match task.kind {
            TaskKind::Recover | TaskKind::ReplayMissing | TaskKind::BulkReplay | TaskKind::Cancel => {
                Self { messages_looked_at: Some(task.looked_at), deliveries_changed: Some(task.changed), ..data }
            }
            TaskKind::Purge => {
                Self { messages_looked_at: Some(task.looked_at), messages_purged: Some(task.changed), ..data }
            }
            TaskKind::AppUsage | TaskKind::EventTypes => Self { applications_looked_at: Some(task.looked_at), ..data },
        }
    }
}

impl From<Task> for BackgroundTaskOut {
    fn from(task: Task) -> Self {
        let data = BackgroundTaskData::of(&task);
        let Task { id, kind, state, updated_at, created_at, .. } = task;
        Self { id, task: kind, status: state, data, updated_at, created_at }
    }
}

impl From<(Task, Option<TaskFindings>)> for BackgroundTaskOut {
    fn from((task, findings): (Task, Option<TaskFindings>)) -> Self {
        let mut out = Self::from(task);
        match findings {
            Some(TaskFindings::AppUsage(found)) => {
                out.data.app_stats = Some(found.into_iter().map(Into::into).collect());
            }
            Some(TaskFindings::EventTypes(found)) => {
                out.data.event_types = Some(found.into_iter().map(Into::into).collect());
            }
            None => {}
        }
        out
    }
}

async fn start(
    service: &Service,
    asked: Asked,
    (app, endpoint): (String, String),
    kind: TaskKind,
    draft: TaskDraft,
) -> Result<Response, Problem> {
    let task = service.start_task(&asked.actor, &app, &endpoint, kind, draft, asked.idempotency).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &BackgroundTaskOut::from(task)))
}

async fn start_over_span(
    service: &Service,
    asked: Asked,
    names: (String, String),
    kind: TaskKind,
) -> Result<Response, Problem> {
    let RecoverIn { since, until, tag } = asked.config(&[])?;
    let scope = TaskScope { tag, ..TaskScope::default() };
    start(service, asked, names, kind, TaskDraft { since: Some(since), until, scope }).await
}

async fn call_off(
    service: &Service,
    actor: &Actor,
    (app, message, endpoint): (String, String, String),
    how: CallOff,
) -> Result<Response, Problem> {
    service.call_off(actor, &app, &message, &endpoint, how).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &EmptyResponse {}))
}

/// Sends again what failed: each gets its full schedule anew, behind everything else of the endpoint.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", operation_id = "v1.endpoint.recover",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = RecoverIn,
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn recover(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    start_over_span(&service, asked, names, TaskKind::Recover).await
}

/// Sends what matches the endpoint now and was never meant for it.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing",
    operation_id = "v1.endpoint.replay-missing", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = RecoverIn,
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn replay_missing(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    start_over_span(&service, asked, names, TaskKind::ReplayMissing).await
}

/// Sends again what a filter chooses, however it ended.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay", operation_id = "v1.endpoint.bulk-replay",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = BulkReplayIn,
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn bulk_replay(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let BulkReplayIn { since, until, event_types, channel, tag, status, status_code_class } = asked.config(&[])?;
    let event_types = event_types.unwrap_or_default();
    let scope =
        TaskScope { event_types, channel, tag, status, status_class: status_code_class, ..TaskScope::default() };
    start(&service, asked, names, TaskKind::BulkReplay, TaskDraft { since: Some(since), until, scope }).await
}

/// Calls off what is pending for the endpoint now.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/cancel", operation_id = "v1.endpoint.cancel",
    tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn cancel_pending(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    start(&service, asked, names, TaskKind::Cancel, TaskDraft::default()).await
}

/// Calls off what is pending of a message for an endpoint.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/cancel",
    operation_id = "v1.message-attempt.cancel", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 202, body = EmptyResponse)),
)]
pub(crate) async fn cancel_delivery(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    call_off(&service, &actor, names, CallOff::Cancel).await
}

/// Skips a message at an endpoint, so that those behind it in its queue go on.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/skip",
    operation_id = "v1.message-attempt.skip", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
    ),
    responses((status = 202, body = EmptyResponse)),
)]
pub(crate) async fn skip_delivery(
    State(service): State<Arc<Service>>,
    Path(names): Path<(String, String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    call_off(&service, &actor, names, CallOff::Skip).await
}

/// Lists background tasks, newest first.
#[utoipa::path(
    get, path = "/api/v1/background-task", operation_id = "v1.background-task.list", tag = "Background Task",
    params(
        ListParams, OrderParam,
        ("status" = Option<String>, Query, description = "Only those that are `running`, `finished`, `failed`, `canceled`."),
        ("task" = Option<String>, Query, description = "Only those that do this, such as `endpoint.recover`."),
    ),
    responses((status = 200, body = ListResponse<BackgroundTaskOut>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let filter = TaskFilter {
        state: word(&query, "status", "It is `running`, `finished`, `failed` or `canceled`.")?,
        kind: word(
            &query,
            "task",
            "It is `endpoint.recover`, `endpoint.replay`, `endpoint.bulk-replay`, `endpoint.cancel`, `application.stats`, \
             `event-type.aggregate` or `application.purge_content`.",
        )?,
        app: None,
    };
    let page = service.list_tasks(&actor, query.window(Direction::Descending, true)?, &filter).await?;
    Ok(paging::page(page, |task| task.id.to_string(), BackgroundTaskOut::from))
}

/// Reads a background task.
#[utoipa::path(
    get, path = "/api/v1/background-task/{task_id}", operation_id = "v1.background-task.get", tag = "Background Task",
    params(("task_id" = String, Path, description = "Id of the task.")),
    responses((status = 200, body = BackgroundTaskOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path(task): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    Ok(respond::json(StatusCode::OK, &BackgroundTaskOut::from(service.get_task(&actor, &task).await?)))
}

/// Calls a background task off; what it has done stays done.
#[utoipa::path(
    post, path = "/api/v1/background-task/{task_id}/cancel", operation_id = "v1.background-task.cancel",
    tag = "Background Task",
    params(("task_id" = String, Path, description = "Id of the task.")),
    responses((status = 200, body = BackgroundTaskOut)),
)]
pub(crate) async fn cancel(
    State(service): State<Arc<Service>>,
    Path(task): Path<String>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    Ok(respond::json(StatusCode::OK, &BackgroundTaskOut::from(service.cancel_task(&actor, &task).await?)))
}

/// A parameter that is one of a few words.
fn word<T: serde::de::DeserializeOwned>(
    query: &Query,
    name: &'static str,
    rule: &'static str,
) -> Result<Option<T>, Problem> {
    let Some(text) = query.text(name) else { return Ok(None) };
    serde_json::from_value(text.into()).map(Some).map_err(|_| wrong(name, rule))
}
