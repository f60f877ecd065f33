//! What became of messages: deliveries, attempts, and one more attempt on request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{AttemptId, AttemptOutcome, DeliveryState, EndpointId, MessageId, Phases, Timestamp};
use ringback_service::{AttemptFilter, AttemptView, DeliveryView, EndpointView, Service};
use ringback_store::Direction;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::endpoint_out::EndpointOut;
use super::message_body::MessageOut;
use crate::extract::{Asked, Caller, Path};
use crate::paging::{self, ListParams, ListResponse};
use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// The classes of answers that can be asked for.
const STATUS_CLASSES: &[u16] = &[0, 100, 200, 300, 400, 500];

/// An endpoint that a message went or goes to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageEndpointOut {
    #[serde(flatten)]
    endpoint: EndpointOut,
    /// 0 success, 1 pending, 2 fail, 3 sending; 4 canceled, when `expanded_statuses` is asked for.
    status: u8,
    /// The same as a word.
    status_text: &'static str,
    /// When the next try is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt: Option<Timestamp>,
    /// Why it ended without success, or what it waits for beside its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageAttemptOut {
    #[schema(value_type = String, example = "atmpt_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: AttemptId,
    #[schema(value_type = String)]
    msg_id: MessageId,
    #[schema(value_type = String)]
    endpoint_id: EndpointId,
    #[schema(format = "uri")]
    url: String,
    /// The first bytes of the answer's body; in words what went wrong, when there was no answer.
    response: String,
    /// 0 when there was no answer.
    response_status_code: u16,
    response_duration_ms: u64,
    timings: Timings,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the request went without.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// 0 success, 2 fail.
    status: u8,
    /// The same as a word.
    status_text: &'static str,
    /// 0 by schedule, 1 by hand.
    trigger_type: u8,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// Its message without the payload, if `with_msg` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MessageOut<'_>>)]
    msg: Option<Box<RawValue>>,
}

/// How long each phase of an attempt took, in milliseconds; 0 for one that did not happen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timings {
    /// Resolving the host name.
    dns: f64,
    /// Opening the connection; 0 where one was kept open.
    connect: f64,
    /// The TLS handshake.
    tls: f64,
    /// From sending the request to the head of the answer.
    first_byte: f64,
    /// All of it.
    total: f64,
}

impl From<Phases> for Timings {
    fn from(phases: Phases) -> Self {
        // Whole microseconds: what is below is noise.
        let millis = |phase: Duration| phase.as_micros() as f64 / 1_000.0;
        Self {
            dns: millis(phases.dns),
            connect: millis(phases.connect),
            tls: millis(phases.tls),
            first_byte: millis(phases.first_byte),
            total: millis(phases.total),
        }
    }
}

/// What is to be known of a resend that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResendOut {
    /// That the endpoint would not get this message by itself, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// An answer that says nothing but that it is done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmptyResponse {}

impl MessageEndpointOut {
    fn new(view: &DeliveryView, expanded: bool) -> Self {
        // Older client libraries do not know the word.
        let state = match view.state {
            DeliveryState::Canceled if !expanded => DeliveryState::Fail,
            other => other,
        };
        Self {
            endpoint: EndpointView::of(&view.endpoint).into(),
            status: state.code(),
            status_text: state.text(),
            next_attempt: view.next_attempt,
            reason: view.reason.clone(),
        }
    }
}

impl MessageAttemptOut {
    fn new(view: AttemptView, with_content: bool) -> Self {
        let AttemptView { attempt, message, endpoint, about } = view;
        let exchange = attempt.exchange;
        let reason = (attempt.outcome != AttemptOutcome::Delivered).then(|| attempt.outcome.to_string());
        let state = match attempt.outcome {
            AttemptOutcome::Delivered => DeliveryState::Success,
            AttemptOutcome::Failed { .. } | AttemptOutcome::NotSent { .. } => DeliveryState::Fail,
        };
        let was_never_sent = matches!(attempt.outcome, AttemptOutcome::NotSent { .. });
        let response = match exchange.status {
            _ if !with_content => String::new(),
            // Of what was never sent stands here what was in the way, in a sentence.
            None if exchange.response.is_empty() || !was_never_sent => reason.clone().unwrap_or_default(),
            Some(_) | None => String::from_utf8_lossy(&exchange.response).into_owned(),
        };
        Self {
            id: attempt.id,
            msg_id: message,
            endpoint_id: endpoint,
            url: attempt.url,
            response,
            response_status_code: exchange.status.unwrap_or(0),
            response_duration_ms: u64::try_from(exchange.phases.total.as_millis()).unwrap_or(u64::MAX),
            timings: exchange.phases.into(),
            reason,
            note: exchange.left_out.map(|what| what.to_string()),
            status: state.code(),
            status_text: state.text(),
            trigger_type: attempt.trigger as u8,
            timestamp: attempt.started_at,
            // It is made of texts and times, which can always be written.
            msg: about.and_then(|message| to_raw_value(&MessageOut::stored(&message, false)).ok()),
        }
    }
}

fn filter(query: &Query) -> Result<AttemptFilter, Problem> {
    let state = query.parsed::<i64>("status", "It is 0 to 4.")?;
    let status_class = query.parsed("status_code_class", "It is 0, 100, 200, 300, 400 or 500.")?;
    if status_class.is_some_and(|class| !STATUS_CLASSES.contains(&class)) {
        return Err(wrong("status_code_class", "It is 0, 100, 200, 300, 400 or 500."));
    }
    Ok(AttemptFilter {
        after: query.time("after")?,
        before: query.time("before")?,
        state: match state {
            Some(code) => Some(DeliveryState::from_code(code).ok_or_else(|| wrong("status", "It is 0 to 4."))?),
            None => None,
        },
        status_class,
        channel: query.channel()?,
        tag: query.text("tag").map(str::to_owned),
        event_types: query.list("event_types"),
        with_message: query.flag("with_msg")?,
    })
}

fn answer(page: ringback_service::Page<AttemptView>, with_content: bool) -> Response {
    paging::page(page, |view| view.attempt.id.to_string(), |view| MessageAttemptOut::new(view, with_content))
}

/// Lists the endpoints that a message went or goes to, deleted ones among them.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/msg/{msg_id}/endpoint",
    operation_id = "v1.message-attempt.list-attempted-destinations", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ListParams,
        ("expanded_statuses" = Option<bool>, Query, description = "Tell canceled from failed."),
    ),
    responses((status = 200, body = ListResponse<MessageEndpointOut>)),
)]
pub(crate) async fn list_deliveries(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let window = query.window(Direction::Ascending, false)?;
    let expanded = query.flag("expanded_statuses")?;
    let page = service.list_deliveries(&actor, &app, &message, &window).await?;
    let id = |view: &DeliveryView| view.endpoint.endpoint.id.to_string();
    Ok(paging::page(page, id, |view| MessageEndpointOut::new(&view, expanded)))
}

/// Lists the attempts of a message, newest first.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/attempt/msg/{msg_id}", operation_id = "v1.message-attempt.list-by-msg",
    tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("endpoint_id" = Option<String>, Query, description = "Only those to this endpoint."),
        ListParams,
        ("status" = Option<u8>, Query, maximum = 4, description = "Only those that succeeded (0) or failed (2)."),
        ("status_code_class" = Option<u16>, Query, description = "Only answers of 100, 200 and so on; 0 for none."),
        ("channel" = Option<String>, Query, description = "Only those of messages with this channel."),
        ("tag" = Option<String>, Query, description = "Only those of messages with this tag."),
        ("before" = Option<String>, Query, format = DateTime, description = "Only those begun before this time."),
        ("after" = Option<String>, Query, format = DateTime, description = "Only those begun after this time."),
        ("with_content" = Option<bool>, Query, description = "Bodies of answers; yes if absent."),
        ("with_msg" = Option<bool>, Query, description = "Each with its message, but for the payload; no if absent."),
        ("event_types" = Option<Vec<String>>, Query, description = "Only those of messages of these types."),
    ),
    responses((status = 200, body = ListResponse<MessageAttemptOut>)),
)]
pub(crate) async fn list_by_message(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (window, filter) = (query.window(Direction::Descending, false)?, filter(&query)?);
    let (endpoint, with_content) = (query.text("endpoint_id"), query.with_content()?);
    let page = service.list_attempts_of_message(&actor, &app, &message, endpoint, window, filter).await?;
    Ok(answer(page, with_content))
}

/// The same for one endpoint, under a path that older client libraries use.
pub(crate) async fn list_by_delivery(
    State(service): State<Arc<Service>>,
    Path((app, message, endpoint)): Path<(String, String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (window, filter) = (query.window(Direction::Descending, false)?, filter(&query)?);
    let with_content = query.with_content()?;
    let page = service.list_attempts_of_message(&actor, &app, &message, Some(&endpoint), window, filter).await?;
    Ok(answer(page, with_content))
}

/// Lists the attempts to an endpoint, newest first.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}",
    operation_id = "v1.message-attempt.list-by-endpoint", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ListParams,
        ("status" = Option<u8>, Query, maximum = 4, description = "Only those that succeeded (0) or failed (2)."),
        ("status_code_class" = Option<u16>, Query, description = "Only answers of 100, 200 and so on; 0 for none."),
        ("channel" = Option<String>, Query, description = "Only those of messages with this channel."),
        ("tag" = Option<String>, Query, description = "Only those of messages with this tag."),
        ("before" = Option<String>, Query, format = DateTime, description = "Only those begun before this time."),
        ("after" = Option<String>, Query, format = DateTime, description = "Only those begun after this time."),
        ("with_content" = Option<bool>, Query, description = "Bodies of answers; yes if absent."),
        ("with_msg" = Option<bool>, Query, description = "Each with its message, but for the payload; no if absent."),
        ("event_types" = Option<Vec<String>>, Query, description = "Only those of messages of these types."),
    ),
    responses((status = 200, body = ListResponse<MessageAttemptOut>)),
)]
pub(crate) async fn list_by_endpoint(
    State(service): State<Arc<Service>>,
    Path((app, endpoint)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let (window, filter) = (query.window(Direction::Descending, false)?, filter(&query)?);
    let with_content = query.with_content()?;
    let page = service.list_attempts_of_endpoint(&actor, &app, &endpoint, window, filter).await?;
    Ok(answer(page, with_content))
}

/// Reads an attempt.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}", operation_id = "v1.message-attempt.get",
    tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("attempt_id" = String, Path, description = "Id of the attempt."),
    ),
    responses((status = 200, body = MessageAttemptOut)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, message, attempt)): Path<(String, String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let view = service.get_attempt(&actor, &app, &message, &attempt).await?;
    Ok(respond::json(StatusCode::OK, &MessageAttemptOut::new(view, true)))
}

/// Removes the body of the answer that an attempt got, for good: `EXPUNGED` stands in its place.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/msg/{msg_id}/attempt/{attempt_id}/content",
    operation_id = "v1.message-attempt.expunge-content", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("attempt_id" = String, Path, description = "Id of the attempt."),
    ),
    responses((status = 204)),
)]
pub(crate) async fn expunge(
    State(service): State<Arc<Service>>,
    Path((app, message, attempt)): Path<(String, String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.expunge_attempt(&actor, &app, &message, &attempt).await?;
    Ok(respond::nothing())
}

/// Sends a message to an endpoint once more, beside its schedule.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend",
    operation_id = "v1.message-attempt.resend", tag = "Message Attempt",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("endpoint_id" = String, Path, description = "Id or uid of the endpoint."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    responses((status = 202, body = ResendOut)),
)]
pub(crate) async fn resend(
    State(service): State<Arc<Service>>,
    Path((app, message, endpoint)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let warning = service.resend(&asked.actor, &app, &message, &endpoint, asked.idempotency).await?;
    Ok(respond::json(StatusCode::ACCEPTED, &ResendOut { warnings: warning.into_iter().collect() }))
}
