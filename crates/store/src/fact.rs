//! The facts that must not be lost: acceptance, attempts and what became of a delivery.

use std::sync::Arc;

use bytes::Bytes;
use ringback_model::{
    AppNo, AttemptId, AttemptOutcome, DeliveryState, EndpointNo, Exchange, Health, Message, MessageId, MessageNo,
    Notice, OrderingKey, PollerNo, Priority, Reason, Timestamp, Trigger,
};

use crate::{Audit, Epoch, StoreError};

/// Which queue of an ordered endpoint a delivery stands in: a hash of the ordering key, 0 for `fifo`. Two keys with one
/// hash wait for each other, which costs time and never order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueNo(pub i64);

/// The key under which a request is answered once only, and what was asked under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Hash of tenant, method, path with query, and the header's text.
    pub key: [u8; 16],
    /// Hash of the request's body.
    pub body: [u8; 16],
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

/// A message as it is handed in; the store gives it its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// See [`Message::id`].
    pub id: MessageId,
    /// See [`Message::event_type`].
    pub event_type: String,
    /// See [`Message::event_id`].
    pub event_id: Option<String>,
    /// See [`Message::channels`].
    pub channels: Vec<String>,
    /// See [`Message::tags`].
    pub tags: Vec<String>,
    /// See [`Message::payload`].
    pub payload: Bytes,
    /// See [`Message::raw`].
    pub raw: Option<Bytes>,
    /// See [`Message::raw_content_type`].
    pub raw_content_type: Option<String>,
    /// See [`Message::ordering_key`].
    pub ordering_key: Option<OrderingKey>,
    /// See [`Message::occurred_at`].
    pub occurred_at: Option<Timestamp>,
    /// See [`Message::callback_url`].
    pub callback_url: Option<String>,
    /// See [`Message::deliver_at`].
    pub deliver_at: Option<Timestamp>,
    /// See [`Message::deliver_until`].
    pub deliver_until: Option<Timestamp>,
    /// See [`Message::accepted_at`].
    pub accepted_at: Timestamp,
    /// See [`Message::expires_at`].
    pub expires_at: Timestamp,
}

/// One endpoint that an accepted message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Its queue there, if the endpoint is ordered and the message has a key.
    pub queue: Option<QueueNo>,
    /// How urgent it is there; as [`Accept::priority`] if absent.
    pub priority: Option<Priority>,
}

impl Target {
    /// An endpoint at which the message is as urgent as it is.
    #[must_use]
    pub const fn new(endpoint: EndpointNo, queue: Option<QueueNo>) -> Self {
        Self { endpoint, queue, priority: None }
    }
}

/// A message with all of its deliveries and its idempotency key: one commit or nothing.
#[derive(Clone, Debug)]
pub struct Accept {
    /// The application.
    pub app: AppNo,
    /// The version of the application's configuration that the targets were matched by.
    pub app_version: i64,
    /// The message.
    pub message: NewMessage,
    /// How urgent it is.
    pub priority: Priority,
    /// Where it goes; at most 1,000.
    pub targets: Vec<Target>,
    /// The pollers that get it, each once.
    pub pollers: Vec<PollerNo>,
    /// The key of the request, if it had one.
    pub idempotency: Option<Idempotency>,
}

impl Accept {
    /// The message as a reader finds it under the number that was drawn for it.
    pub(crate) fn message_as(&self, no: MessageNo) -> Message {
        let new = self.message.clone();
        Message {
            no,
            app: self.app,
            id: new.id,
            event_type: new.event_type,
            event_id: new.event_id,
            channels: new.channels,
            tags: new.tags,
            payload: Some(new.payload),
            raw: new.raw,
            raw_content_type: new.raw_content_type,
            ordering_key: new.ordering_key,
            occurred_at: new.occurred_at,
            callback_url: new.callback_url,
            deliver_at: new.deliver_at,
            deliver_until: new.deliver_until,
            accepted_at: new.accepted_at,
            expires_at: new.expires_at,
        }
    }

    /// How urgent the message is at one of its targets.
    pub(crate) fn priority_at(&self, target: &Target) -> Priority {
        target.priority.unwrap_or(self.priority)
    }
}

/// What became of an [`Accept`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable, with its deliveries.
    New {
        /// Its number.
        no: MessageNo,
    },
    /// The idempotency key was used before with the same body: this is the message that was made then.
    Replayed {
        /// That message.
        id: MessageId,
    },
    /// The idempotency key was used before with another body.
    KeyReused,
    /// Another message of the application has this event id.
    EventIdTaken,
    /// The configuration has changed since the targets were matched: load it, match again, and come back.
    Stale,
}

/// Messages that came in one request: one commit for all of them.
#[derive(Clone, Debug)]
pub struct AcceptBatch {
    /// The application of all of them.
    pub app: AppNo,
    /// The version of the application's configuration that all targets were matched by.
    pub app_version: i64,
    /// What a repeated request is answered by: the id that those of the messages follow.
    pub before: MessageId,
    /// The messages, without idempotency keys of their own.
    pub items: Vec<Accept>,
    /// The key of the request, if it had one.
    pub idempotency: Option<Idempotency>,
}

/// What became of an [`AcceptBatch`].
#[derive(Debug)]
pub enum BatchAccepted {
    /// What became of each message, in order. Those that were accepted are durable.
    Done(Vec<Result<Accepted, StoreError>>),
    /// The idempotency key was used before with the same body.
    Replayed {
        /// [`AcceptBatch::before`] of that request.
        before: MessageId,
    },
    /// The idempotency key was used before with another body.
    KeyReused,
    /// The configuration has changed since the targets were matched: load it, match again, and come back.
    Stale,
}

/// A delivery that may be sent: all that an attempt needs to know.
#[derive(Clone, Debug)]
pub struct Due {
    /// The message, shared by all of its deliveries.
    pub message: Arc<Message>,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// What makes it due: its schedule, or somebody who asked for a resend.
    pub trigger: Trigger,
    /// How urgent it is.
    pub priority: Priority,
    /// Since when it is due.
    pub due: Timestamp,
    /// Its queue, if the endpoint is ordered.
    pub queue: Option<QueueNo>,
    /// Tries so far that reached the receiver, or may have.
    pub tries: u16,
    /// Attempts so far of which nothing was sent.
    pub unsent: u16,
    /// Since when it is held, if no request could be made of it at its last attempt.
    pub held_since: Option<Timestamp>,
}

impl Due {
    /// From when on its lateness counts: from when its schedule let it be sent, at first or again after a failure. What
    /// stood in a queue and was never tried has waited there since its message could start.
    #[must_use]
    pub fn late_since(&self) -> Timestamp {
        let starts_at = self.message.starts_at();
        let first = self.tries == 0 && self.unsent == 0;
        if first && self.queue.is_some() { starts_at } else { self.due.max(starts_at) }
    }
}

/// Asks for deliveries of one endpoint that are due.
#[derive(Clone, Debug)]
pub struct Take {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// What is due at this time.
    pub now: Timestamp,
    /// At most so many rows.
    pub limit: usize,
    /// At most so many bytes of payload, but always one row.
    pub max_bytes: usize,
    /// Rows that the asker holds: they are passed over.
    pub held: Vec<(MessageNo, Trigger)>,
}

/// Deliveries of one endpoint that are due: manual ones first, then by priority, due time and number, such that each
/// priority that has any gets some. Nothing is written: what is in flight lives in the memory of the one who takes.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// The rows.
    pub rows: Vec<Due>,
    /// There were more rows due than asked for.
    pub more: bool,
    /// When the first row that is not yet due comes due.
    pub next_due: Option<Timestamp>,
}

/// Asks for deliveries that stand behind heads of queues, to go in one request with them.
#[derive(Clone, Debug)]
pub struct Follow {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Now.
    pub now: Timestamp,
    /// Queues with their heads, which are due: each queue once.
    pub heads: Vec<(QueueNo, MessageNo)>,
    /// At most so many rows.
    pub limit: usize,
    /// At most so many bytes of payload.
    pub max_bytes: usize,
}

impl Follow {
    /// Of one queue at most so many: its share, and as much again, so that few short queues leave no room unused and many
    /// long ones are not read through.
    pub(crate) fn most_of_queue(&self) -> usize {
        self.limit.min(self.limit.div_ceil(self.heads.len().max(1)).saturating_mul(2))
    }
}

/// Deliveries that stand behind heads, in the order of their numbers: of each queue those that come right after its head,
/// with none left out between. A queue has none here if what was given is not its head any more, or its next one is not to
/// be sent yet.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// The rows.
    pub rows: Vec<Due>,
    /// There are more of them than were asked for.
    pub more: bool,
}

/// An endpoint with pending deliveries, as found at a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStart {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Its health as it was last written.
    pub health: Health,
    /// Whether some of its deliveries are held.
    pub held: bool,
}

/// An attempt as it is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// See [`ringback_model::Attempt::id`].
    pub id: AttemptId,
    /// See [`ringback_model::Attempt::started_at`].
    pub started_at: Timestamp,
    /// See [`ringback_model::Attempt::trigger`].
    pub trigger: Trigger,
    /// See [`ringback_model::Attempt::outcome`].
    pub outcome: AttemptOutcome,
    /// See [`ringback_model::Attempt::url`].
    pub url: Arc<str>,
    /// See [`ringback_model::Attempt::exchange`].
    pub exchange: Exchange,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has ended; the next one of its queue comes due.
    End {
        /// As what.
        state: DeliveryState,
        /// Why, unless it succeeded.
        reason: Option<Reason>,
    },
    /// It is due again at a later time; or, where it stands behind another one of its queue, when that has ended and not
    /// before.
    Retry {
        /// When.
        due: Timestamp,
        /// Whether the attempt counts as a try of the receiver, or as one of which nothing was sent.
        counted: bool,
    },
    /// No request could be made of it: it waits for a [`Release`], at most until it is due. It does not count as a try.
    Hold {
        /// Since when it is held.
        since: Timestamp,
        /// When it is tried for the last time.
        due: Timestamp,
    },
    /// A manual attempt that failed: the schedule stands as it was. A delivery that has no schedule ends as failed.
    Keep,
}

/// An attempt, the delivery's new state and the endpoint's health: one commit.
#[derive(Clone, Debug)]
pub struct Finish {
    /// The message.
    pub message: MessageNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// The epoch of the endpoint's shard when the attempt began.
    pub epoch: Epoch,
    /// An attempt just before, that was made again at once with another secret: recorded, and of no other effect.
    pub earlier: Option<NewAttempt>,
    /// The attempt.
    pub attempt: NewAttempt,
    /// What becomes of the delivery.
    pub step: Step,
    /// The health of the endpoint, if what is kept of it changes.
    pub health: Option<Health>,
    /// What those who listen are told of it, if it is recorded as it stands here.
    pub notice: Option<Box<Notice>>,
}

/// What became of a [`Finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The attempt is recorded and the delivery has taken the step.
    Recorded,
    /// The attempt is recorded; the delivery had ended otherwise in the meantime and stays as it is.
    Superseded,
    /// Nothing is recorded: the shard is another node's by now, which sends the delivery again.
    Fenced,
}

/// Asks for one extra attempt of a delivery, now.
#[derive(Clone, Debug)]
pub struct Rearm {
    /// The message.
    pub message: MessageNo,
    /// The endpoint; the delivery is made if there was none.
    pub endpoint: EndpointNo,
    /// Now.
    pub now: Timestamp,
    /// The key of the request, if it had one.
    pub idempotency: Option<Idempotency>,
    /// What is told of it to those who ask afterwards, in the same commit; nothing if absent.
    pub audit: Option<Box<Audit>>,
}

/// What became of a [`Rearm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rearmed {
    /// The attempt is durably due.
    Armed,
    /// The same request was answered before.
    Replayed,
    /// The idempotency key was used before for something else.
    KeyReused,
    /// The payload is gone, so there is nothing to send.
    NoPayload,
    /// There is no such message.
    NotFound,
}

/// Makes held deliveries of one endpoint due, some at a time: whatever kept requests from being made of them may have
/// changed.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// The epoch of its shard: none is made due once the shard is another node's.
    pub epoch: Epoch,
    /// At most so many.
    pub limit: usize,
}

/// How many a [`Release`] has made due; fewer than its limit when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// So many.
    pub count: usize,
}

/// Ends pending deliveries of one endpoint, some at a time.
#[derive(Clone, Copy, Debug)]
pub struct Clear {
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// The epoch of its shard, if it is the owner who asks: none is ended once the shard is another node's.
    pub epoch: Option<Epoch>,
    /// As what they end.
    pub state: DeliveryState,
    /// Why.
    pub reason: Reason,
    /// At most so many.
    pub limit: usize,
    /// Only those of messages up to this one: those after it stay, and come due where they stood behind one that ended.
    pub upto: Option<MessageNo>,
}

/// How many a [`Clear`] has ended; fewer than its limit when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// So many.
    pub count: usize,
    /// The endpoint was to be cleared because it was deleted, and it was not, or has come back: nothing was ended.
    pub lives: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Due {
        /// A delivery of a message that was accepted at second 10.
        pub(crate) fn sample() -> Self {
            let message = Message {
                no: MessageNo(1),
                app: AppNo(1),
                id: MessageId::from_bytes([0; 20]),
                event_type: "sms.dlr".into(),
                event_id: None,
                channels: Vec::new(),
                tags: Vec::new(),
                payload: None,
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                callback_url: None,
                deliver_at: None,
                deliver_until: None,
                accepted_at: Timestamp::from_seconds(10),
                expires_at: Timestamp::MAX,
            };
            Self {
                message: Arc::new(message),
                endpoint: EndpointNo(1),
                trigger: Trigger::Scheduled,
                priority: Priority(0),
                due: Timestamp::from_seconds(10),
                queue: None,
                tries: 0,
                unsent: 0,
                held_since: None,
            }
        }
    }

    fn due(second: i64, tries: u16, queue: Option<QueueNo>) -> Due {
        Due { due: Timestamp::from_seconds(second), tries, queue, ..Due::sample() }
    }

    #[test]
    fn what_a_retry_schedule_waits_for_is_not_late_and_what_stands_in_a_queue_is() {
        let queue = Some(QueueNo(7));
        let since = [due(10, 0, None), due(3_610, 2, None), due(70, 0, queue), due(3_610, 2, queue)]
            .map(|due| due.late_since());
        assert_eq!(since, [10, 3_610, 10, 3_610].map(Timestamp::from_seconds));
        // Armed anew: it was nobody's to send before that.
        assert_eq!(due(90_000, 0, None).late_since(), Timestamp::from_seconds(90_000));
    }
}
