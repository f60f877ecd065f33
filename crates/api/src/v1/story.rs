//! The story of a message: its way to each endpoint of its application, or why it did not go there.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{EndpointId, MessageId, Timestamp};
use ringback_service::{Chapter, Service, Story};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::ConditionOut;
use crate::extract::{Caller, Path};
use crate::problem::Problem;
use crate::respond;

/// A message and what it has to do with each endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoryOut {
    #[schema(value_type = String, example = "msg_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: MessageId,
    event_type: String,
    /// What must stay in order with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering_key: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// What is odd about the message itself: a report that names another product than its event type.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// Every endpoint of the application, and those that it went to before they were deleted.
    endpoints: Vec<ChapterOut>,
}

/// What a message has to do with one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChapterOut {
    #[schema(value_type = String, example = "ep_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    endpoint_id: EndpointId,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_uid: Option<String>,
    #[schema(format = "uri")]
    url: String,
    /// A delivery was made.
    matched: bool,
    /// The member of the endpoint that kept the message away.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'static str>,
    /// The conditions of the endpoint's own `filter`, and how the message stands to each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    conditions: Vec<ConditionOut>,
    /// Why no delivery was made; or why one ended without success, or what it waits for beside its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Where the delivery stands, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_text: Option<&'static str>,
    /// What the last request went without, and whether the endpoint as it is now would not get the message by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// When its next try is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt: Option<Timestamp>,
    /// The endpoint was changed after the message was accepted: the filter and its reason go by what it says now.
    changed_since: bool,
    /// The endpoint was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    deleted: bool,
}

impl From<Story> for StoryOut {
    fn from(story: Story) -> Self {
        let Story { message, notes, chapters } = story;
        Self {
            id: message.id,
            event_type: message.event_type,
            ordering_key: message.ordering_key.map(|key| key.as_str().to_owned()),
            timestamp: message.accepted_at,
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            endpoints: chapters.into_iter().map(ChapterOut::from).collect(),
        }
    }
}

impl From<Chapter> for ChapterOut {
    fn from(chapter: Chapter) -> Self {
        let Chapter { endpoint, delivery, why_not, beside, findings, left_out, changed_since } = chapter;
        let document = &endpoint.endpoint;
        let notes: Vec<String> = beside.into_iter().chain(left_out.map(|what| what.to_string())).collect();
        Self {
            endpoint_id: document.id,
            endpoint_uid: document.uid.clone(),
            url: document.url.clone(),
            matched: delivery.is_some(),
            filter: why_not.as_ref().and_then(|why| why.field),
            conditions: findings.into_iter().map(ConditionOut::from).collect(),
            note: (!notes.is_empty()).then(|| notes.join(" ")),
            status_text: delivery.as_ref().map(|delivery| delivery.state.text()),
            next_attempt: delivery.as_ref().and_then(|delivery| delivery.next_attempt),
            reason: why_not.map(|why| why.text.into_owned()).or_else(|| delivery.and_then(|delivery| delivery.reason)),
            changed_since,
            deleted: endpoint.deleted,
        }
    }
}

/// Tells where a message went, and why not elsewhere.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/msg/{msg_id}/story", operation_id = "v1.message.story", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
    ),
    responses((status = 200, body = StoryOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let story = service.message_story(&actor, &app, &message).await?;
    Ok(respond::json(StatusCode::OK, &StoryOut::from(story)))
}
