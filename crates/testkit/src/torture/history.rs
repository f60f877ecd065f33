//! The facts of one run, as the harness saw them from outside: what the checker judges.
//!
//! Positions count arrivals over all endpoints from 0, so that "before" and "after" are one order for the whole run.

use std::collections::HashMap;

/// A digest of bytes.
pub type Sha = [u8; 32];
/// Number of a post: its index in [`History::posts`], and the `n` in its payload.
pub type PostNumber = usize;
/// Number of an endpoint: its index in [`History::endpoints`].
pub type EndpointNumber = usize;

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The registered endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The messages that were posted, or meant to be.
    pub posts: Vec<Post>,
    /// The requests that arrived at endpoints, in the order of arrival.
    pub arrivals: Vec<Arrival>,
    /// When the server was restarted, in order.
    pub restarts: Vec<Restart>,
    /// Deliveries that the API called delivered while the run went on.
    pub samples: Vec<Sample>,
    /// What the API said at the very end of deliveries that never arrived.
    pub ends: HashMap<(PostNumber, EndpointNumber), End>,
    /// Background tasks that were under way while the server was killed.
    pub tasks: Vec<Task>,
}

/// A background task, as the API told of it.
#[derive(Debug, Clone)]
pub struct Task {
    /// What the reports call it.
    pub name: String,
    /// The messages that it has to look at, each once.
    pub messages: u64,
    /// The deliveries that it has to change, each once.
    pub changes: u64,
    /// Where it stood, in the order of asking.
    pub seen: Vec<TaskSeen>,
}

/// Where a background task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskSeen {
    /// It says that it has done all of it.
    pub finished: bool,
    /// Messages that it has looked at.
    pub looked_at: u64,
    /// Deliveries that it has changed.
    pub changed: u64,
}

/// A registered endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// What the reports call it.
    pub name: String,
    /// The application it belongs to: all messages of this one match, no others.
    pub app: usize,
    /// Deliveries that can be under way at once: its `maxConcurrency` times what it takes in one request.
    pub cap: usize,
    /// Whether it was registered with `ordering: per_key`.
    pub ordered: bool,
}

/// A message that the harness posted.
#[derive(Debug, Clone)]
pub struct Post {
    /// The application it was posted to.
    pub app: usize,
    /// Its ordering key, if any.
    pub key: Option<u64>,
    /// Digest of its payload.
    pub sha: Sha,
    /// When its first request began, in microseconds since the run began.
    pub begun: u64,
    /// When the first 2xx for it had been read; `None` if there never was one.
    pub acked: Option<u64>,
    /// Whether any of its requests ended without an answer that settles it.
    pub doubtful: bool,
    /// The message ids that 2xx answers gave it, without repeats.
    pub ids: Vec<String>,
    /// How many repetitions with the same idempotency key were refused although one might have been accepted.
    pub refused_repeats: usize,
}

impl Post {
    /// Whether the server may deliver it: accepted, or nobody knows.
    #[must_use]
    pub fn may_arrive(&self) -> bool {
        self.acked.is_some() || self.doubtful
    }
}

/// A request that arrived at an endpoint.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Where.
    pub endpoint: EndpointNumber,
    /// The post that its body names; `None` if it names none.
    pub post: Option<PostNumber>,
    /// Digest of its body.
    pub sha: Sha,
    /// Its `webhook-id`.
    pub message_id: String,
    /// Whether signature and timestamp were right.
    pub signed: bool,
    /// Whether it was answered 2xx.
    pub ok: bool,
    /// Its place in its request, from 0: those of a request of several messages follow each other here.
    pub place: usize,
}

/// The end of one life of the server and the beginning of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// Position of the first arrival of the new life.
    pub at: usize,
    /// True for a kill or a power cut, false for a graceful stop.
    pub forced: bool,
}

/// The API called this delivery delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Id of the message.
    pub message_id: String,
    /// The endpoint.
    pub endpoint: EndpointNumber,
    /// Position that the next arrival would have had when the API's answer had been read.
    pub at: usize,
}

/// What the API says of a delivery that never arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Failed or canceled, with a reason to see.
    Terminal,
    /// Still pending when the harness gave up waiting.
    Pending,
}
