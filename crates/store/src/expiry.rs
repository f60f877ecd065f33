//! Letting go of what is old: payloads, attempts and whole messages, each when its time is over.
//!
//! Nothing of it is known to an acceptance. The pass that reads messages some seconds later notes when something of them
//! is to go, in one row for each part of the numbers ([`Mention::look_at`](crate::Mention::look_at)); whoever lets go of
//! things visits a part when its time has come, and notes when it is to be visited next.

use ringback_model::{AppNo, AttemptId, MessageNo, Reason, Timestamp};

/// A part of the messages that is due to be visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number.
    pub no: i64,
    /// When the pass last noted something of it: should it have done so since, the part is visited once more.
    pub noted_at: Timestamp,
}

/// Asks for messages of a part, in the order of their numbers.
#[derive(Clone, Copy, Debug)]
pub struct AgingQuery {
    /// The part.
    pub part: i64,
    /// Only those after this one.
    pub after: MessageNo,
    /// At most so many.
    pub limit: usize,
}

/// A message, as far as it matters for how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aging {
    /// Its number.
    pub no: MessageNo,
    /// Its application.
    pub app: AppNo,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// See [`ringback_model::Message::expires_at`].
    pub expires_at: Timestamp,
    /// See [`ringback_model::Message::deliver_until`].
    pub deliver_until: Option<Timestamp>,
    /// It has its payload.
    pub has_payload: bool,
    /// It has attempts.
    pub has_attempts: bool,
    /// Some of its deliveries are pending, or wanted by hand.
    pub is_pending: bool,
}

/// What is let go of, of a message. What is pending without it ends first, as failed; the next one of its queue comes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Its pending deliveries, which end for this reason. What was asked for by hand is sent all the same.
    Deliveries(Reason),
    /// Its payload; for this reason what is pending has failed.
    Payload(Reason),
    /// The body of the answer that one attempt got: [`EXPUNGED`] stands there from then on.
    Answer(AttemptId),
    /// Its attempts.
    Attempts,
    /// All of it.
    Message,
}

/// What stands where the body of an answer was that somebody had removed, as on the reference server.
pub const EXPUNGED: &[u8] = b"EXPUNGED";

/// Lets go of things, some in one commit.
#[derive(Clone, Debug, Default)]
pub struct Expire {
    /// Of which messages, and what. In the order of their numbers.
    pub items: Vec<(MessageNo, Expiry)>,
    /// Rows that are written at most: the rest of the items is left as it is.
    pub rows: usize,
    /// Words that a search does not find any more, beside.
    pub words: Vec<(AppNo, String, MessageNo)>,
    /// The part that was visited, if this is the last that is done there, and when it is visited next; `None` when no
    /// message of it is left.
    pub visited: Option<(Part, Option<Timestamp>)>,
}

/// How far an [`Expire`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// So many of the items are done, from the first one on. Fewer than all: the next one may be done in part, and the
    /// part counts as not visited.
    pub done: usize,
    /// So many rows were written.
    pub rows: usize,
}
