//! Filters of endpoints: trying one on a message, and what is told of each condition.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::Finding;
use ringback_service::{FilterTrial, Service};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::{Asked, Path};
use crate::problem::Problem;
use crate::respond;

/// A filter to try.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct FilterTrialIn {
    /// As an endpoint's `filter`.
    #[schema(value_type = Object, example = json!({"payload": {"amount": {"$gte": 10}}}))]
    filter: Value,
}

/// What a filter makes of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterTrialOut {
    /// It lets the message through.
    matched: bool,
    /// Each of its conditions; all of them have to be met.
    conditions: Vec<ConditionOut>,
}

/// One condition of a filter, and how a message stands to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConditionOut {
    /// What it asks for, or how it joins others.
    #[schema(example = "payload.message.status $in [\"failed\"]")]
    condition: String,
    /// What the message has there, as JSON; absent if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// Whether it is met.
    met: bool,
    /// Those that it joins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, no_recursion)]
    conditions: Vec<ConditionOut>,
}

impl From<Finding> for ConditionOut {
    fn from(finding: Finding) -> Self {
        let Finding { condition, found, met, parts } = finding;
        Self { condition, found, met, conditions: parts.into_iter().map(Self::from).collect() }
    }
}

/// Tries a filter on a message. Nothing is kept and nothing is sent.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/{msg_id}/filter", operation_id = "v1.message.try-filter", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
    ),
    request_body = FilterTrialIn, responses((status = 200, body = FilterTrialOut)),
)]
pub(crate) async fn try_on_message(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let FilterTrialIn { filter } = asked.config(&[])?;
    let FilterTrial { matched, findings } = service.try_filter(&asked.actor, &app, &message, &filter).await?;
    let conditions = findings.into_iter().map(ConditionOut::from).collect();
    Ok(respond::json(StatusCode::OK, &FilterTrialOut { matched, conditions }))
}
