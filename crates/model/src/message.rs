//! A message: one event handed to us for delivery.

use bytes::Bytes;

use crate::{AppNo, MessageId, MessageNo, Timestamp};

/// What must stay in order: messages of one application with the same key. 1 to 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderingKey(String);

impl OrderingKey {
    /// A key with this text; `None` unless it has 1 to 256 bytes.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (1..=256).contains(&text.len()).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message as it is kept. Its payload is bytes, never a parsed value (the bytes arrive as they were accepted).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number: the order of acceptance.
    pub no: MessageNo,
    /// The application that it belongs to.
    pub app: AppNo,
    /// Its public id; the `webhook-id` of every attempt.
    pub id: MessageId,
    /// Its event type.
    pub event_type: String,
    /// The producer's own id of the event, unique in the application while the message lives.
    pub event_id: Option<String>,
    /// Channels that endpoints filter by.
    pub channels: Vec<String>,
    /// Words that its producer gave it, so that it is found by them.
    pub tags: Vec<String>,
    /// The exact bytes of the `payload` member; `None` once it was expunged or has expired.
    pub payload: Option<Bytes>,
    /// Bytes that are sent in place of the payload, if the producer gave any.
    pub raw: Option<Bytes>,
    /// Content type of `raw`; `application/json` if absent.
    pub raw_content_type: Option<String>,
    /// What must stay in order.
    pub ordering_key: Option<OrderingKey>,
    /// When the event happened, by the producer's word.
    pub occurred_at: Option<Timestamp>,
    /// A URL of its own that it is sent to as well.
    pub callback_url: Option<String>,
    /// Nothing is sent of it before this time, unless somebody asks for it.
    pub deliver_at: Option<Timestamp>,
    /// From this time on nothing is sent of it any more, unless somebody asks for it: what is pending then has failed.
    pub deliver_until: Option<Timestamp>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When its payload may go.
    pub expires_at: Timestamp,
}

impl Message {
    /// When its deliveries come due: at its acceptance, or at the later time that was asked for.
    #[must_use]
    pub fn starts_at(&self) -> Timestamp {
        self.deliver_at.map_or(self.accepted_at, |at| at.max(self.accepted_at))
    }

    /// Until when its deliveries may take: the end of its own time, or of its payload's.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.deliver_until.map_or(self.expires_at, |until| until.min(self.expires_at))
    }

    /// The body to send and its content type; `None` once the payload is gone.
    #[must_use]
    pub fn body(&self) -> Option<(&Bytes, &str)> {
        match &self.raw {
            Some(raw) => Some((raw, self.raw_content_type.as_deref().unwrap_or("application/json"))),
            None => self.payload.as_ref().map(|payload| (payload, "application/json")),
        }
    }
}
