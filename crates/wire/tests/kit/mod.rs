//! What the tests and benches of requests begin with.

use bytes::Bytes;
use ringback_model::{AppNo, Message, MessageNo, Timestamp};

/// A message of this type, accepted in August 2024, whose payload stays.
pub(crate) fn message(event_type: &str, payload: &str) -> Message {
    Message {
        no: MessageNo(1),
        app: AppNo(1),
        id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().expect("it is an id"),
        event_type: event_type.to_owned(),
        event_id: None,
        channels: Vec::new(),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        raw: None,
        raw_content_type: None,
        ordering_key: None,
        occurred_at: None,
        callback_url: None,
        accepted_at: Timestamp::from_seconds(1_724_235_300),
        expires_at: Timestamp::MAX,
    }
}
