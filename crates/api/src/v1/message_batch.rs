//! Many messages in one request. Each is read, accepted or refused on its own; the answer says of each which.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ringback_service::{BATCH_MAX, FieldError, MessageDraft, Receipt, Right, Service};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::message_body::{MessageIn, MessageOut};
use crate::extract::{AskedMuch, BODY_MAX, Path};
use crate::json;
use crate::openapi::HttpErrorOut;
use crate::problem::{Body, Problem};
use crate::query::Query;
use crate::respond;

/// Room in an answer for each message.
const ROOM: usize = 256;

/// Messages to deliver.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct MessageBatchIn<'a> {
    /// The messages, in the order in which they are accepted.
    #[serde(borrow)]
    #[schema(value_type = Vec<MessageIn<'_>>, min_items = 1, max_items = 1000)]
    messages: Vec<&'a RawValue>,
}

/// What became of messages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageBatchOut<'a> {
    /// One for each message of the request, in its order.
    data: Vec<MessageBatchItemOut<'a>>,
}

/// What became of one message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageBatchItemOut<'a> {
    /// The status that a request with this message alone would have got: 202 when it was accepted.
    status: u16,
    /// The message, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageOut<'a>>,
    /// What is wrong with it otherwise: `code` and `detail`, or a list of `detail` for its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    error: Option<Body>,
}

/// Accepts up to 1,000 messages in one commit. One that is refused does not keep the others from being accepted.
#[utoipa::path(
    post, path = "/api/v1/app/{app_id}/msg/batch", operation_id = "v1.message.create-batch", tag = "Message",
    params(
        ("app_id" = String, Path, description = "Id or uid of the application."),
        ("with_content" = Option<bool>, Query, description = "Payloads in the answer; no if absent."),
        ("idempotency-key" = Option<String>, Header, description = "The request is carried out once for each key."),
    ),
    request_body = MessageBatchIn<'_>,
    responses(
        (status = 202, body = MessageBatchOut<'_>),
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
    AskedMuch(asked): AskedMuch,
) -> Result<Response, Problem> {
    asked.actor.require(Right::CreateMessages)?;
    let with_content = query.parsed("with_content", "It is `true` or `false`.")?.unwrap_or(false);
    let batch: MessageBatchIn<'_> = asked.json()?;
    if !(1..=BATCH_MAX).contains(&batch.messages.len()) {
        let rule = format!("A request has 1 to {BATCH_MAX} messages.");
        return Err(Problem::invalid([FieldError::body("messages", rule)]));
    }
    let mut read: Vec<_> = batch.messages.iter().map(|message| read(message)).collect();
    let payloads: Vec<_> =
        read.iter().map(|message| message.as_ref().ok().map(MessageIn::payload).filter(|_| with_content)).collect();
    let (mut drafts, mut refused) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
    for message in &mut read {
        let draft = match message {
            Ok(message) => message.draft(&asked),
            Err(problem) => Err(std::mem::replace(problem, Problem::no_such_path())),
        };
        match draft {
            Ok(draft) => {
                drafts.push(draft);
                refused.push(None);
            }
            Err(problem) => refused.push(Some(problem)),
        }
    }
    let receipts = service.create_messages(&asked.actor, &app, &drafts, asked.idempotency).await?;
    let mut accepted = drafts.iter().zip(receipts);
    let data = refused.into_iter().zip(payloads).map(|(problem, payload)| match problem {
        Some(problem) => MessageBatchItemOut::refused(problem),
        None => match accepted.next() {
            Some((draft, Ok(receipt))) => MessageBatchItemOut::accepted(receipt, draft, payload),
            Some((_, Err(error))) => MessageBatchItemOut::refused(error.into()),
            None => MessageBatchItemOut::refused(Problem::internal("unknown")),
        },
    });
    let out = MessageBatchOut { data: data.collect() };
    let size = ROOM * out.data.len() + if with_content { asked.body.len() } else { 0 };
    Ok(respond::json_sized(StatusCode::ACCEPTED, &out, size))
}

fn read<'a>(message: &'a RawValue) -> Result<MessageIn<'a>, Problem> {
    match message.get().as_bytes() {
        // As large as it may be alone.
        large if large.len() > BODY_MAX => Err(Problem::too_large()),
        body => json::parse(body),
    }
}

impl<'a> MessageBatchItemOut<'a> {
    fn accepted(receipt: Receipt, draft: &'a MessageDraft<'a>, payload: Option<&'a RawValue>) -> Self {
        Self {
            status: StatusCode::ACCEPTED.as_u16(),
            message: Some(MessageOut::accepted(receipt, draft, payload)),
            error: None,
        }
    }

    fn refused(problem: Problem) -> Self {
        let (status, body) = problem.into_part();
        Self { status, message: None, error: Some(body) }
    }
}
