//! Reading from polling endpoints: two generations of the same, as the client libraries know them.
//!
//! In the first, a place is a text that is given back to get what comes next. In the second, messages are leased to a
//! consumer, which says by number what it is done with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{Message, Timestamp};
use ringback_service::{LeaseDraft, PollDraft, PolledView, Service};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message_body::MessageOut;
use crate::extract::{Asked, Caller, Path};
use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// How long a lease is when nobody says.
const LEASE_DEFAULT: Duration = Duration::from_secs(30);

/// What a polling endpoint answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PollingEndpointOut<'a> {
    /// Messages in the order in which they were accepted.
    data: Vec<MessageOut<'a>>,
    /// Asks for what comes next.
    iterator: String,
    /// There is no more at present.
    done: bool,
}

/// What a polling endpoint gives on a lease.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeasedOut<'a> {
    /// Messages in the order in which they were accepted.
    data: Vec<LeasedMessageOut<'a>>,
    /// There is no more at present.
    done: bool,
}

/// A message that is leased.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeasedMessageOut<'a> {
    /// What is committed when the consumer is done with it, and with all before it.
    offset: i64,
    #[serde(flatten)]
    message: MessageOut<'a>,
}

/// Where a consumer is to begin.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SeekIn {
    /// With the first message that was accepted at or after this time.
    #[schema(value_type = String, format = DateTime)]
    after: Timestamp,
}

/// Where a consumer begins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeekOut {
    iterator: String,
}

/// What a consumer is done with.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CommitIn {
    /// The `offset` of the last message that it is done with, and so with all before it.
    offset: i64,
}

fn draft(query: &Query) -> Result<PollDraft, Problem> {
    let rule = "Take it from `iterator` of another answer of the same polling endpoint.";
    Ok(PollDraft { limit: query.limit()?, from: query.parsed("iterator", rule)?, ..PollDraft::default() })
}

fn page(view: &PolledView) -> Response {
    let data = view.messages.iter().map(|(_, message)| shown(message)).collect();
    let body = PollingEndpointOut { data, iterator: view.iterator.to_string(), done: view.done };
    respond::json_sized(StatusCode::OK, &body, 4_096)
}

fn shown(message: &Message) -> MessageOut<'_> {
    MessageOut::stored(message, true)
}

/// Reads the messages of a polling endpoint, in the order in which they were accepted.
///
/// Give `iterator` back to get what comes next. A payload that is gone, because its time was over, is
/// `{"expired": true}`.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/poller/{sink_id}", operation_id = "v1.message.poller.poll",
    tag = "Message poller",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("sink_id" = String, Path, description = "Id or uid of the polling endpoint."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 250, description = "At most so many messages; 50 if absent."),
        ("iterator" = Option<String>, Query, description = "`iterator` of the answer before."),
        ("event_type" = Option<String>, Query, description = "Only messages of this type."),
        ("channel" = Option<String>, Query, description = "Only messages with this channel."),
        (
            "after" = Option<String>, Query, format = DateTime,
            description = "Without `iterator`: only messages accepted at or after this time."
        ),
    ),
    responses((status = 200, body = PollingEndpointOut<'_>)),
)]
pub(crate) async fn poll(
    State(service): State<Arc<Service>>,
    Path((app, sink)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let draft = PollDraft {
        event_type: query.text("event_type").map(str::to_owned),
        channel: query.channel()?,
        since: query.time("after")?,
        ..draft(&query)?
    };
    Ok(page(&service.poll(&actor, &app, &sink, &draft).await?))
}

/// Reads the messages of a polling endpoint for a consumer whose place is kept.
///
/// The `iterator` that is given back is kept: without one, reading goes on behind the last one that was.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}",
    operation_id = "v1.message.poller.consumer-poll", tag = "Message poller",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("sink_id" = String, Path, description = "Id or uid of the polling endpoint."),
        ("consumer_id" = String, Path, description = "What the consumer calls itself."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 250, description = "At most so many messages; 50 if absent."),
        ("iterator" = Option<String>, Query, description = "`iterator` of the answer before."),
    ),
    responses((status = 200, body = PollingEndpointOut<'_>)),
)]
pub(crate) async fn consumer_poll(
    State(service): State<Arc<Service>>,
    Path((app, sink, consumer)): Path<(String, String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    Ok(page(&service.poll_as_consumer(&actor, (&app, &sink, &consumer), &draft(&query)?).await?))
}

/// Puts a consumer at a time, wherever it was.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/poller/{sink_id}/consumer/{consumer_id}/seek",
    operation_id = "v1.message.poller.consumer-seek", tag = "Message poller",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("sink_id" = String, Path, description = "Id or uid of the polling endpoint."),
        ("consumer_id" = String, Path, description = "What the consumer calls itself."),
    ),
    request_body = SeekIn,
    responses((status = 200, body = SeekOut)),
)]
pub(crate) async fn consumer_seek(
    State(service): State<Arc<Service>>,
    Path((app, sink, consumer)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let SeekIn { after } = asked.config(&[])?;
    let iterator = service.seek(&asked.actor, (&app, &sink, &consumer), after).await?.to_string();
    Ok(respond::json(StatusCode::OK, &SeekOut { iterator }))
}

/// Gives a consumer messages of a polling endpoint on a lease.
///
/// Until all of them are committed, or the lease ends, nobody is given more under the same name. What was not committed
/// by then is given again.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}",
    operation_id = "v1.message.pollerv2.consumer-poll", tag = "Message poller",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("sink_id" = String, Path, description = "Id or uid of the polling endpoint."),
        ("consumer_id" = String, Path, description = "What the consumer calls itself."),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 250, description = "At most so many messages; 50 if absent."),
        (
            "lease_duration_ms" = Option<u32>, Query, minimum = 1000, maximum = 43_200_000,
            description = "For how long nobody else is given any under this name, in milliseconds; 30000 if absent."
        ),
        (
            "starting_position" = Option<String>, Query,
            description = "Where a consumer begins that is new: `earliest` (if absent), or `latest` for what comes."
        ),
    ),
    responses((status = 200, body = LeasedOut<'_>)),
)]
pub(crate) async fn lease(
    State(service): State<Arc<Service>>,
    Path((app, sink, consumer)): Path<(String, String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let from_now = match query.text("starting_position") {
        None | Some("earliest") => false,
        Some("latest") => true,
        Some(_) => return Err(wrong("starting_position", "It is `earliest` or `latest`.")),
    };
    let length = query.parsed("lease_duration_ms", "It is a number of milliseconds.")?;
    let length = length.map_or(LEASE_DEFAULT, Duration::from_millis);
    let draft = LeaseDraft { limit: query.limit()?, length, from_now };
    let view = service.lease(&actor, (&app, &sink, &consumer), draft).await?;
    let leased = |(offset, message)| LeasedMessageOut { offset, message: shown(message) };
    let data = view.messages.iter().map(|(offset, message)| leased((*offset, message))).collect();
    Ok(respond::json_sized(StatusCode::OK, &LeasedOut { data, done: view.done }, 4_096))
}

/// Notes what a consumer is done with.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/polling-endpoint/{sink_id}/consumer/{consumer_id}/commit",
    operation_id = "v1.message.pollerv2.consumer-commit", tag = "Message poller",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("sink_id" = String, Path, description = "Id or uid of the polling endpoint."),
        ("consumer_id" = String, Path, description = "What the consumer calls itself."),
    ),
    request_body = CommitIn,
    responses((status = 204, description = "It is noted.")),
)]
pub(crate) async fn commit(
    State(service): State<Arc<Service>>,
    Path((app, sink, consumer)): Path<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let CommitIn { offset } = asked.config(&[])?;
    service.commit(&asked.actor, (&app, &sink, &consumer), offset).await?;
    Ok(respond::nothing())
}
