//! Messages: events handed in for delivery. `create` is where every message begins.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_model::{DeliveryState, Message};
use ringback_service::{Actor, MessageFilter, Page, Right, Service};
use ringback_store::Direction;

use super::message_body::{MessageIn, MessageOut};
use crate::extract::{Asked, Caller, Path};
use crate::openapi::HttpErrorOut;
use crate::paging::{self, ListParams, ListResponse};
use crate::problem::Problem;
use crate::query::{Query, wrong};
use crate::respond;

/// Room in an answer for all that is not the payload.
const AROUND_THE_PAYLOAD: usize = 512;

/// Accepts a message. When this answers, the message is on disk with all of its deliveries.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg", operation_id = "v1.message.create", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("with_content" = Option<bool>, Query, description = "The payload in the answer; yes if absent."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = MessageIn<'_>,
    responses(
        (status = 202, body = MessageOut<'_>),
        (
            status = 429, description = "More messages than the application may hand in, or more bytes than it may keep.",
            body = HttpErrorOut, headers(("retry-after" = u64))
        ),
    ),
)]
pub(crate) async fn create(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    asked: Asked,
) -> Result<Response, Problem> {
    asked.actor.require(Right::CreateMessages)?;
    let with_content = query.with_content()?;
    let mut message: MessageIn<'_> = asked.json()?;
    let payload = with_content.then_some(message.payload());
    let draft = message.draft(&asked)?;
    let receipt = service.create_message(&asked.actor, &app, &draft, asked.idempotency).await?;
    let size = AROUND_THE_PAYLOAD + payload.map_or(0, |payload| payload.get().len());
    Ok(respond::json_sized(StatusCode::ACCEPTED, &MessageOut::accepted(receipt, &draft, payload), size))
}

/// Reads a message.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/msg/{msg_id}", operation_id = "v1.message.get", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
        ("with_content" = Option<bool>, Query, description = "The payload in the answer; yes if absent."),
    ),
    responses((status = 200, body = MessageOut<'_>)),
)]
pub(crate) async fn get(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    let with_content = query.with_content()?;
    let message = service.get_message(&actor, &app, &message).await?;
    Ok(respond::json(StatusCode::OK, &MessageOut::stored(&message, with_content)))
}

/// Removes the payload of a message, for good.
///
/// Deliveries of it that are pending have failed. What was sent, and where, is still told.
#[utoipa::path(
    delete, path = "/api/v1/app/{app_id}/msg/{msg_id}/content", operation_id = "v1.message.expunge-content",
    tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("msg_id" = String, Path, description = "Id or eventId of the message."),
    ),
    responses((status = 204)),
)]
pub(crate) async fn expunge(
    State(service): State<Arc<Service>>,
    Path((app, message)): Path<(String, String)>,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    service.expunge_message(&actor, &app, &message).await?;
    Ok(respond::nothing())
}

/// Lists the messages of an application, newest first.
#[utoipa::path(
    get, path = "/api/v1/app/{app_id}/msg", operation_id = "v1.message.list", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ListParams,
        ("channel" = Option<String>, Query, description = "Only those with this channel."),
        ("tag" = Option<String>, Query, description = "Only those with this tag."),
        ("before" = Option<String>, Query, format = DateTime, description = "Only those accepted before this time."),
        ("after" = Option<String>, Query, format = DateTime, description = "Only those accepted after this time."),
        ("with_content" = Option<bool>, Query, description = "Payloads in the answer; yes if absent."),
        ("event_types" = Option<Vec<String>>, Query, description = "Only those of these types."),
        ("status" = Option<u8>, Query, maximum = 4, description = "Only those with a delivery in this state: 0 to 4."),
        ("search" = Option<String>, Query, description = "Only those with this id or eventId, or this id or phone number \
            in their report; the other filters do not apply. Reports are found some seconds after they were accepted."),
    ),
    responses((status = 200, body = ListResponse<MessageOut<'_>>)),
)]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Path(app): Path<String>,
    query: Query,
    Caller(actor): Caller,
) -> Result<Response, Problem> {
    if let Some(text) = query.text("search") {
        return search(&service, &actor, &app, text, &query).await;
    }
    let filter = MessageFilter {
        after: query.time("after")?,
        before: query.time("before")?,
        channel: query.channel()?,
        tag: query.text("tag").map(str::to_owned),
        event_types: query.list("event_types"),
        state: state_of(&query)?,
        with_content: query.with_content()?,
    };
    let with_content = filter.with_content;
    let page = service.list_messages(&actor, &app, query.window(Direction::Descending, false)?, filter).await?;
    Ok(listed(&page, with_content))
}

async fn search(service: &Service, actor: &Actor, app: &str, text: &str, query: &Query) -> Result<Response, Problem> {
    let with_content = query.with_content()?;
    let window = query.window(Direction::Descending, false)?;
    let page = service.search_messages(actor, app, text, &window, with_content).await?;
    Ok(listed(&page, with_content))
}

/// The state that deliveries are asked for by.
pub(super) fn state_of(query: &Query) -> Result<Option<DeliveryState>, Problem> {
    const RULE: &str = "It is 0 to 4.";
    let code = query.parsed::<i64>("status", RULE)?;
    code.map(|code| DeliveryState::from_code(code).ok_or_else(|| wrong("status", RULE))).transpose()
}

fn listed(page: &Page<Message>, with_content: bool) -> Response {
    let page = Page { items: page.items.iter().collect(), done: page.done, stopped: page.stopped.clone() };
    let show = |message| MessageOut::stored(message, with_content);
    paging::page(page, |message: &&Message| message.id.to_string(), show)
}
