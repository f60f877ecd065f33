//! What background tasks do: a part at a time, each saved in the commit in which it is done.

use ringback_model::{AppNo, DeliveryState, EndpointNo, Message, MessageId, MessageNo, Reason};

use crate::{Audit, Clear, QueueNo};

/// A part of a background task.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The number of the task's document.
    pub task: i64,
    /// The version that the part goes by.
    pub version: i64,
    /// The document as it is after this part.
    pub body: String,
    /// The endpoint that the task is about.
    pub endpoint: EndpointNo,
    /// Deliveries to make due.
    pub arm: Vec<Arm>,
    /// Or deliveries to end.
    pub clear: Option<Clear>,
}

/// A delivery to make due again, with its full schedule before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The message.
    pub message: MessageNo,
    /// How the delivery stood when it was chosen: it is left alone if that has changed. `None` if there was none: it is
    /// made.
    pub was: Option<DeliveryState>,
    /// A queue that only this task puts deliveries into.
    pub queue: Option<QueueNo>,
}

/// What became of an [`Advance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// It is durable.
    Done {
        /// How many deliveries were changed.
        count: usize,
    },
    /// Somebody else has changed the task: nothing was done.
    Stale,
}

/// Ends one delivery.
#[derive(Clone, Debug)]
pub struct End {
    /// The message.
    pub message: MessageNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// As what it ends.
    pub state: DeliveryState,
    /// Why.
    pub reason: Reason,
    /// What is told of it to those who ask afterwards, in the same commit; nothing if absent.
    pub audit: Option<Box<Audit>>,
}

/// What became of an [`End`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has ended so.
    Ended,
    /// It had ended before, and nothing more was asked for.
    NotPending,
    /// There is no such delivery.
    NotFound,
}

/// Asks for messages of an application and how they stand at one endpoint, by id.
#[derive(Clone, Copy, Debug)]
pub struct SurveyQuery {
    /// The application.
    pub app: AppNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Only messages after this id.
    pub after: MessageId,
    /// Only messages before this id.
    pub before: MessageId,
    /// At most so many.
    pub limit: usize,
    /// With payloads; they are left out otherwise.
    pub with_payload: bool,
    /// With the status of the last attempt.
    pub with_status: bool,
}

/// A message and how it stands at an endpoint.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The message.
    pub message: Message,
    /// There is something to send.
    pub has_body: bool,
    /// How its delivery stands; `None` if there is none.
    pub state: Option<DeliveryState>,
    /// The queue that it stands or stood in.
    pub queue: Option<QueueNo>,
    /// The status of its last attempt, if that was asked for and there was an answer.
    pub status: Option<u16>,
}
