//! Figures of all applications, gathered by background tasks.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::Timestamp;
use ringback_service::{Service, UsageDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::background_task::BackgroundTaskOut;
use crate::extract::{Asked, Caller};
use crate::problem::Problem;
use crate::respond;

/// Of which applications and which time deliveries are counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUsageStatsIn {
    /// Those that ended since this time.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Those that ended until this time.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// Of these applications, by id or uid; of all if absent.
    #[serde(default)]
    #[schema(max_items = 1000)]
    app_ids: Option<Vec<String>>,
}

/// The task that counts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUsageStatsOut {
    #[serde(flatten)]
    task: BackgroundTaskOut,
    /// Names among `appIds` that are no application's. The others are counted.
    unresolved_app_ids: Vec<String>,
}

/// Counts the deliveries of each application that came to their end in a range of time.
///
/// The figures are in the task when it is finished: `data.appStats`.
#[utoipa::path(
    post, path = "/api/v1/stats/usage/app", operation_id = "v1.statistics.aggregate-app-stats", tag = "Statistics",
    params(("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key.")),
    request_body = AppUsageStatsIn,
    responses((status = 202, body = AppUsageStatsOut)),
)]
pub(crate) async fn applications(State(service): State<Arc<Service>>, asked: Asked) -> Result<Response, Problem> {
    let AppUsageStatsIn { since, until, app_ids } = asked.config(&[])?;
    let draft = UsageDraft { since, until, apps: app_ids };
    let (task, unresolved_app_ids) = service.start_app_usage(&asked.actor, &draft, asked.idempotency).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &AppUsageStatsOut { task: task.into(), unresolved_app_ids }))
}

/// Gathers the event types that the endpoints of each application ask for.
///
/// They are in the task when it is finished: `data.event_types`.
#[utoipa::path(
    put, path = "/api/v1/stats/usage/event-types", operation_id = "v1.statistics.aggregate-event-types",
    tag = "Statistics",
    responses((status = 202, body = BackgroundTaskOut)),
)]
pub(crate) async fn event_types(
    State(service): State<Arc<Service>>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let task = service.start_event_types(&actor).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &BackgroundTaskOut::from(task)))
}
