//! Messages as requests and answers write them. What comes in is borrowed from the body that it came in.

use std::borrow::Cow;

use bytes::Bytes;
use ringback_model::{Class, Message, MessageId, Timestamp};
use ringback_service::{FieldError, MessageDraft, RawBody, Receipt, Timing};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::application::ApplicationIn;
use super::endpoint_value::Length;
use crate::extract::Asked;
use crate::json::Text;
use crate::problem::Problem;

/// A message to deliver.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageIn<'a> {
    /// The event type.
    #[serde(borrow)]
    #[schema(value_type = String, min_length = 1, max_length = 256, example = "sms.dlr")]
    event_type: Text<'a>,
    /// What is delivered: a JSON object, byte for byte as it stands here. `data` is another name for it.
    #[serde(borrow, alias = "data")]
    #[schema(value_type = Object)]
    payload: &'a RawValue,
    /// Your own id of the event, unique in the application.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9\\-_.]+$")]
    event_id: Option<Text<'a>>,
    /// Endpoints may filter by these.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 5)]
    channels: Option<Vec<Text<'a>>>,
    /// Words that you find it by: lists and replays take one as `tag`. Each is 1 to 128 bytes on one line.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10, example = json!(["campaign-7"]))]
    tags: Option<Vec<Text<'a>>>,
    /// What must stay in order: messages with the same key, for endpoints that ask for it.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    ordering_key: Option<Text<'a>>,
    /// How urgent it is: `otp`, `notification`, `transactional` (the default), `marketing`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    class: Option<Class>,
    /// When the event happened; when it was accepted, if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// A URL that the message goes to beside the endpoints that match: within the application's `callbackAllowList`, as
    /// the payload stands, signed with the secret of the endpoint that its delivery names.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, format = Uri, max_length = 2048)]
    callback_url: Option<Text<'a>>,
    /// For how many days the payload is kept.
    #[serde(default)]
    #[schema(minimum = 5, maximum = 90, default = 90)]
    payload_retention_period: Option<i64>,
    /// For how many hours it is kept, in place of days.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2160)]
    payload_retention_hours: Option<i64>,
    /// The application to make if there is none; its uid is the one in the path.
    #[serde(default)]
    application: Option<ApplicationIn>,
    /// `rawPayload` is a text that is sent in place of the payload, `headers.content-type` what it is.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Object>)]
    transformations_params: Option<TransformationsParams<'a>>,
    /// It is not sent before this time; at once if it is over. The order of a key stays that of acceptance.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    deliver_at: Option<Timestamp>,
    /// For how long it is sent, from the acceptance on: what is pending then has failed as `its time ended`. A text such
    /// as `5m`, or a number of seconds.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "10m")]
    ttl: Option<Length>,
    /// Until when it is sent, in place of `ttl`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// What is sent in place of a payload.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransformationsParams<'a> {
    #[serde(borrow, default)]
    raw_payload: Option<Text<'a>>,
    #[serde(borrow, default)]
    headers: Option<RawHeaders<'a>>,
}

/// Headers of what is sent in place of a payload.
#[derive(Debug, Deserialize)]
struct RawHeaders<'a> {
    #[serde(borrow, default, rename = "content-type")]
    content_type: Option<Text<'a>>,
}

/// A message that was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageOut<'a> {
    #[schema(value_type = String, example = "msg_1srOrx2ZWZBpBUvZwXKQmoEYga2")]
    id: MessageId,
    #[schema(value_type = Option<String>)]
    event_id: Option<&'a str>,
    #[schema(value_type = String)]
    event_type: &'a str,
    #[schema(value_type = Option<Vec<String>>)]
    channels: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    tags: Option<Vec<&'a str>>,
    /// `{}` when contents were not asked for, `{"expired":true}` when it is gone.
    #[schema(value_type = Object)]
    payload: &'a RawValue,
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    ordering_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// It is not sent before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    deliver_at: Option<Timestamp>,
    /// It is not sent any more from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// What is delivered is an object: whoever takes members out of it has to find some.
pub(crate) fn check_payload(payload: &RawValue) -> Result<(), Problem> {
    if payload.get().starts_with('{') {
        return Ok(());
    }
    let rule = "It is a JSON object. Put other values into one, under a name.";
    Err(Problem::invalid([FieldError::body("payload", rule)]))
}

impl<'a> MessageIn<'a> {
    /// The payload, as it stands in the request.
    pub(crate) const fn payload(&self) -> &'a RawValue {
        self.payload
    }

    /// The draft of the use case. The payload is a part of `body`, not a copy of it.
    pub(crate) fn draft(&'a mut self, asked: &'a Asked) -> Result<MessageDraft<'a>, Problem> {
        let body = &asked.body;
        check_payload(self.payload)?;
        let application = self.application.take().map(ApplicationIn::draft).transpose()?;
        let words = |given: Option<Vec<Text<'a>>>| given.map(|words| words.into_iter().map(|word| word.0).collect());
        let (channels, tags) = (words(self.channels.take()), words(self.tags.take()));
        let raw = self.transformations_params.as_ref().and_then(|params| params.raw_body(body));
        Ok(MessageDraft {
            event_type: &self.event_type.0,
            payload: body.slice_ref(self.payload.get().as_bytes()),
            raw,
            event_id: text(&self.event_id),
            channels,
            tags,
            ordering_key: text(&self.ordering_key),
            class: self.class,
            occurred_at: self.occurred_at,
            timing: Timing {
                deliver_at: self.deliver_at,
                ttl: self.ttl.map(|Length(ttl)| ttl),
                expires_at: self.expires_at,
            },
            callback_url: text(&self.callback_url),
            retention_days: self.payload_retention_period,
            retention_hours: self.payload_retention_hours,
            application,
            trace_parent: asked.trace_parent(),
        })
    }
}

impl TransformationsParams<'_> {
    fn raw_body(&self, body: &Bytes) -> Option<RawBody<'_>> {
        let bytes = match &self.raw_payload.as_ref()?.0 {
            Cow::Borrowed(text) => body.slice_ref(text.as_bytes()),
            Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
        };
        Some(RawBody { bytes, content_type: self.headers.as_ref().and_then(|headers| text(&headers.content_type)) })
    }
}

fn text<'b>(text: &'b Option<Text<'_>>) -> Option<&'b str> {
    text.as_ref().map(|text| &*text.0)
}

impl<'a> MessageOut<'a> {
    /// The answer to a draft that was accepted, with its payload if it was asked for.
    pub(crate) fn accepted(receipt: Receipt, draft: &'a MessageDraft<'a>, payload: Option<&'a RawValue>) -> Self {
        Self {
            id: receipt.id,
            event_id: draft.event_id,
            event_type: draft.event_type,
            channels: draft.channels.as_ref().map(|channels| channels.iter().map(AsRef::as_ref).collect()),
            tags: draft
                .tags
                .as_ref()
                .filter(|tags| !tags.is_empty())
                .map(|tags| tags.iter().map(AsRef::as_ref).collect()),
            payload: match payload {
                Some(payload) => payload,
                None => nothing(),
            },
            timestamp: receipt.accepted_at,
            ordering_key: draft.ordering_key,
            occurred_at: draft.occurred_at,
            deliver_at: draft.timing.deliver_at,
            expires_at: draft.timing.ends_at(receipt.accepted_at),
        }
    }

    /// A message as it is kept.
    pub(crate) fn stored(message: &'a Message, with_content: bool) -> Self {
        let words = |words: &'a [String]| (!words.is_empty()).then(|| words.iter().map(String::as_str).collect());
        Self {
            id: message.id,
            event_id: message.event_id.as_deref(),
            event_type: &message.event_type,
            channels: words(&message.channels),
            tags: words(&message.tags),
            payload: match &message.payload {
                _ if !with_content => nothing(),
                Some(payload) => raw(payload),
                None => constant(r#"{"expired":true}"#),
            },
            timestamp: message.accepted_at,
            ordering_key: message.ordering_key.as_ref().map(|key| key.as_str()),
            occurred_at: message.occurred_at,
            deliver_at: message.deliver_at,
            expires_at: message.deliver_until,
        }
    }
}

/// A payload as JSON. It was read as such when it came in.
fn raw(payload: &[u8]) -> &RawValue {
    serde_json::from_slice(payload).unwrap_or_else(|_| nothing())
}

fn nothing() -> &'static RawValue {
    constant("{}")
}

fn constant(text: &'static str) -> &'static RawValue {
    serde_json::from_str(text).expect("a constant that is JSON")
}
