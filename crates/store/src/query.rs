//! What is asked of messages and attempts.

use ringback_model::{AppNo, AttemptId, DeliveryState, EndpointNo, MessageId, MessageNo, Timestamp};

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key.
    #[default]
    Ascending,
    /// From the largest key, newest first.
    Descending,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// Which page of a list: at most `limit` items that follow `after` in this direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging<K> {
    /// At most so many items.
    pub limit: usize,
    /// The item before the first one wanted; from the beginning if absent.
    pub after: Option<K>,
    /// Which way.
    pub direction: Direction,
}

/// How a caller names a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageRef {
    /// By its id.
    Id(MessageId),
    /// By the producer's own id of the event.
    EventId(String),
}

/// Asks for a page of messages of one application, by id.
#[derive(Clone, Debug)]
pub struct MessageQuery {
    /// The application.
    pub app: AppNo,
    /// Which page.
    pub paging: Paging<MessageId>,
    /// Only those accepted after this time.
    pub after: Option<Timestamp>,
    /// Only those accepted before this time.
    pub before: Option<Timestamp>,
    /// Only those with this channel.
    pub channel: Option<String>,
    /// Only those with this tag.
    pub tag: Option<String>,
    /// Only those of these types; all if empty.
    pub event_types: Vec<String>,
    /// With payloads; they are left out otherwise.
    pub with_payload: bool,
}

/// Asks for deliveries of one endpoint, by the ids of their messages.
#[derive(Clone, Debug)]
pub struct EndpointDeliveryQuery {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Only those in this state; one that is wanted by hand is pending.
    pub state: Option<DeliveryState>,
    /// Which page, and of which messages; payloads are not read.
    pub messages: MessageQuery,
}

/// Whose attempts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptScope {
    /// Those of a message, to one endpoint or to all.
    Message {
        /// The message.
        message: MessageNo,
        /// One endpoint only.
        endpoint: Option<EndpointNo>,
    },
    /// Those of an endpoint.
    Endpoint(EndpointNo),
}

/// Asks for a page of attempts, by id.
#[derive(Clone, Debug)]
pub struct AttemptQuery {
    /// Whose.
    pub scope: AttemptScope,
    /// Which page.
    pub paging: Paging<AttemptId>,
    /// Only those begun after this time.
    pub after: Option<Timestamp>,
    /// Only those begun before this time.
    pub before: Option<Timestamp>,
    /// Only those that succeeded, or only those that did not.
    pub succeeded: Option<bool>,
    /// Only answers of this class: 100, 200 and so on; 0 for none.
    pub status_class: Option<u16>,
    /// Only those of messages with this channel.
    pub channel: Option<String>,
    /// Only those of messages with this tag.
    pub tag: Option<String>,
    /// Only those of messages of these types; all if empty.
    pub event_types: Vec<String>,
}
