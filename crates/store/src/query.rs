//! What is asked of messages and attempts.

use std::time::Duration;

use ringback_model::{AppNo, AttemptId, DeliveryState, EndpointNo, Id, Kind, MessageId, MessageNo, Timestamp};

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

/// What a search has found, in its order, and how far it has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits<T, K> {
    /// What it has found.
    pub items: Vec<T>,
    /// It has looked at as much as it may at once, and goes on behind this key. Absent, it has found as many as were
    /// asked for, or there are no more.
    pub looked_to: Option<K>,
}

impl<T, K> Hits<T, K> {
    /// What was found of `limit` that were asked for, by a search that ended at `horizon` if it had one.
    pub(crate) fn new(items: Vec<T>, limit: usize, horizon: Option<K>) -> Self {
        let looked_to = horizon.filter(|_| items.len() < limit);
        Self { items, looked_to }
    }
}

/// By how much the time in an id may be later than that of what it names, without a note of it: by more than the time
/// between two commits.
const UNNOTED: Duration = Duration::from_secs(1);

/// By how much the time in an id is later than `at`, where that has to be noted: a clock went back, or others that began
/// later had theirs before.
pub(crate) fn ahead<K: Kind>(id: &Id<K>, at: Timestamp) -> Option<Duration> {
    let ahead = id.made_at().since(at);
    (ahead > UNNOTED).then_some(ahead)
}

/// Between which ids those are whose times are after the one and before the other: from the first one on, and below the
/// second one. `ahead` is the most that was noted. They narrow a search and do not replace a look at the times.
pub(crate) fn id_span<K: Kind>(
    (after, before): (Option<Timestamp>, Option<Timestamp>),
    ahead: Duration,
) -> (Option<Id<K>>, Option<Id<K>>) {
    (after.map(Id::floor), before.map(|before| Id::floor(before + UNNOTED.max(ahead) + Duration::from_millis(4))))
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
    /// Only those with a delivery in this state; one that is wanted by hand is pending.
    pub state: Option<DeliveryState>,
    /// With payloads; they are left out otherwise.
    pub with_payload: bool,
    /// At how many messages the search may look, if it has conditions that few of them may meet.
    pub look: usize,
}

impl MessageQuery {
    /// Asks for a page of all messages of an application, without payloads.
    #[must_use]
    pub const fn all(app: AppNo, paging: Paging<MessageId>) -> Self {
        Self {
            app,
            look: paging.limit,
            paging,
            after: None,
            before: None,
            channel: None,
            tag: None,
            event_types: Vec::new(),
            state: None,
            with_payload: false,
        }
    }

    /// The column that its list runs by: that of the tag, or that of all messages.
    pub(crate) const fn list_column(&self) -> &'static str {
        if self.tag.is_some() { "t.id" } else { "m.id" }
    }

    /// Whether it may have to look at many messages of its list to find one.
    pub(crate) fn is_narrowed(&self) -> bool {
        let by_time = self.after.is_some() || self.before.is_some();
        by_time || self.channel.is_some() || !self.event_types.is_empty() || self.state.is_some()
    }
}

/// The condition that `delivery d` is in a state, as people are told: one that has ended and is wanted by hand waits again.
pub(crate) fn is_in(state: DeliveryState) -> String {
    match state {
        DeliveryState::Pending => "(d.state = 1 OR (d.state IN (2, 4) AND d.manual_due IS NOT NULL))".to_owned(),
        state => format!("(d.state = {} AND (d.state = 0 OR d.manual_due IS NULL))", state.code()),
    }
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
    /// At how many attempts of an endpoint the search may look, if it has conditions that few of them may meet.
    pub look: usize,
}

impl AttemptQuery {
    /// Whether it may have to look at many attempts to find one. A message has few.
    pub(crate) fn is_narrowed(&self) -> bool {
        let times = self.after.is_some() || self.before.is_some();
        let outcome = self.succeeded.is_some() || self.status_class.is_some();
        let message = self.channel.is_some() || self.tag.is_some() || !self.event_types.is_empty();
        matches!(self.scope, AttemptScope::Endpoint(_)) && (times || outcome || message)
    }

    /// Whether all that it asks for is in the index of attempts that went amiss: without an answer, with one that is not
    /// 2xx, or not taken as a success.
    pub(crate) const fn is_of_those_amiss(&self) -> bool {
        matches!(self.succeeded, Some(false)) || !matches!(self.status_class, None | Some(200))
    }
}
