//! The messages of one endpoint, and an example sent to it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{DeliveryState, Timestamp};
use ringback_service::{EndpointMessage, ExampleDraft, FieldError, MessageFilter, Service};
use ringback_store::Direction;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::message::state_of;
use super::message_body::MessageOut;
use crate::extract::{Asked, Caller, Path};
use crate::json::Text;
use crate::paging::{self, ListParams, ListResponse};
use crate::problem::Problem;
use crate::query::Query;
use crate::respond;

/// A message and where it stands at the endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointMessageOut<'a> {
    #[serde(flatten)]
    message: MessageOut<'a>,
    /// 0 success, 1 pending, 2 fail, 3 sending; 4 canceled, when `expanded_statuses` is asked for.
    status: u8,
    /// The same as a word.
    status_text: &'static str,
    /// When the next try is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt: Option<Timestamp>,
    /// Why it ended without success, or what it waits for beside its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<&'a str>,
}

/// What example is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventExampleIn<'a> {
    /// The event type; `svix.ping` is always there.
    #[schema(value_type = String, example = "svix.ping")]
    #[serde(borrow)]
    event_type: Text<'a>,
    /// Which of the `examples` of its schema, from 0; the first one if absent.
    #[serde(default)]
    example_index: Option<usize>,
    /// A payload in place of an example, for tokens of the organization.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Object>)]
    payload: Option<&'a RawValue>,
}

/// Lists the messages that went or go to an endpoint, newest first.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/msg",
    operation_id = "v1.message-attempt.list-attempted-messages", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ListParams,
        ("channel" = Option<String>, Query, description = "Only those with this channel."),
        ("tag" = Option<String>, Query, description = "Only those with this tag."),
        ("status" = Option<u8>, Query, maximum = 4, description = "Only those in this state: 0 to 4."),
        ("before" = Option<String>, Query, format = DateTime, description = "Only those accepted before this time."),
        ("after" = Option<String>, Query, format = DateTime, description = "Only those accepted after this time."),
        ("with_content" = Option<bool>, Query, description = "Payloads in the answer; yes if absent."),
        ("event_types" = Option<Vec<String>>, Query, description = "Only those of these types."),
        ("expanded_statuses" = Option<bool>, Query, description = "Tell canceled from failed."),
    ),
    responses((status = 200, body = ListResponse<EndpointMessageOut<'_>>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let filter = MessageFilter {
        after: query.time("after")?,
        before: query.time("before")?,
        channel: query.channel()?,
        tag: query.text("tag").map(str::to_owned),
        event_types: query.list("event_types"),
        // It is asked of the deliveries to this endpoint.
        state: None,
        with_content: query.with_content()?,
    };
    let state = state_of(&query)?;
    let (with_content, expanded) = (filter.with_content, query.flag("expanded_statuses")?);
    let window = query.window(Direction::Descending, false)?;
    let page = service.list_endpoint_messages(&actor, &app, &endpoint, window, (filter, state)).await?;
    let listed =
        ringback_service::Page { items: page.items.iter().collect(), done: page.done, stopped: page.stopped.clone() };
    let show = |item: &EndpointMessage| item.message.id.to_string();
    Ok(paging::page(listed, |item: &&EndpointMessage| show(item), |item| out(item, with_content, expanded)))
}

fn out(item: &EndpointMessage, with_content: bool, expanded: bool) -> EndpointMessageOut<'_> {
    // Older client libraries do not know the word.
    let state = match item.delivery.state {
        DeliveryState::Canceled if !expanded => DeliveryState::Fail,
        other => other,
    };
    EndpointMessageOut {
        message: MessageOut::stored(&item.message, with_content),
        status: state.code(),
        status_text: state.text(),
        next_attempt: item.delivery.next_attempt,
        reason: item.delivery.reason.as_deref(),
    }
}

/// Sends an example of an event type to an endpoint, whatever its filters say.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example",
    operation_id = "v1.endpoint.send-example", tag = "Endpoint",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = EventExampleIn<'_>,
    responses((status = 200, body = MessageOut<'_>)),
)]
pub(crate) async fn send_example(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let EventExampleIn { event_type, example_index, payload } = asked.json()?;
    if payload.is_some_and(|payload| !payload.get().starts_with('{')) {
        return Err(Problem::invalid([FieldError::body("payload", "It is a JSON object.")]));
    }
    let example = ExampleDraft {
        event_type: &event_type.0,
        place: example_index.unwrap_or(0),
        payload: payload.map(|payload| asked.body.slice_ref(payload.get().as_bytes())),
    };
    let message = service.send_example(&asked.actor, &app, &endpoint, &example, asked.idempotency).await?;
    Ok(respond::json(StatusCode::OK, &MessageOut::stored(&message, true)))
}
