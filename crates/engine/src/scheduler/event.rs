//! What the scheduler is told, and what it asks for.

use ringback_model::{
    AppNo, Batching, Endpoint, EndpointNo, Gate, Health, MessageNo, OnExhausted, Ordering, Timestamp, Trigger,
};
use ringback_store::{Due, Follow, Followed, QueueNo, Shard, Take, Taken};

/// Names a row: a delivery can have its scheduled attempt and a manual one at a time.
pub type RowId = (MessageNo, Trigger);

/// What the scheduler has to know of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct LanePolicy {
    /// Its application.
    pub app: AppNo,
    /// At most so many attempts under way.
    pub concurrency: u16,
    /// At most so many attempts a second.
    pub rate: Option<u16>,
    /// At most so many attempts a second over all endpoints of the application.
    pub app_rate: Option<u16>,
    /// Why it sends nothing at present.
    pub gate: Option<Gate>,
    /// Whether it is paused when a message of a queue is given up.
    pub pauses_when_exhausted: bool,
    /// How several rows go in one attempt, if they do.
    pub batch: Option<Batching>,
}

impl LanePolicy {
    /// The policy of an endpoint.
    #[must_use]
    pub fn new(app: AppNo, app_rate: Option<u16>, endpoint: &Endpoint, deleted: bool) -> Self {
        Self {
            app,
            concurrency: endpoint.concurrency(),
            rate: endpoint.throttle_rate,
            app_rate,
            gate: if deleted { Some(Gate::Deleted) } else { endpoint.gate() },
            pauses_when_exhausted: endpoint.ordering != Ordering::None && endpoint.on_exhausted == OnExhausted::Pause,
            batch: endpoint.batch,
        }
    }
}

/// How an attempt went, as far as it concerns the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it.
    Failed {
        /// It did not answer in time.
        timed_out: bool,
        /// It asked for less (429, 502, 504).
        overloaded: bool,
    },
    /// Nothing was sent, and that is the endpoint's doing: its name or address, or the server of its tokens.
    Unreachable,
    /// Nothing was sent, and that is our doing.
    NotSent,
}

/// What the scheduler is told.
#[derive(Debug)]
pub enum Event {
    /// Deliveries have come due, in the order of their numbers.
    Due(Vec<Due>),
    /// Deliveries were accepted behind others of their queue, so that they are not due; not all of them are told.
    Queued(Vec<(EndpointNo, QueueNo)>),
    /// Some that came due were not told: every lane has to look. [`Event::Found`] follows for those without a lane.
    Missed,
    /// An endpoint has work in the store, or is known to fail.
    Found {
        /// The endpoint.
        endpoint: EndpointNo,
        /// Its health as it was last written.
        health: Health,
    },
    /// The answer to [`Action::Configure`]; or the endpoint never was.
    Configured {
        /// The endpoint.
        endpoint: EndpointNo,
        /// What it wants.
        policy: Option<LanePolicy>,
        /// Its health as it was last written, if that was asked for.
        health: Option<Health>,
    },
    /// The configuration of an application has changed.
    Changed(AppNo),
    /// The answer to [`Action::Load`].
    Loaded {
        /// The endpoint.
        endpoint: EndpointNo,
        /// What was found; `None` if the store could not be read.
        taken: Option<Taken>,
    },
    /// The answer to [`Action::Follow`].
    Followed {
        /// The endpoint.
        endpoint: EndpointNo,
        /// What was found; `None` if the store could not be read.
        found: Option<Followed>,
    },
    /// The answer to [`Action::Start`]: the exchange is over and its place free; the outcome is not durable yet.
    Answered {
        /// The endpoint.
        endpoint: EndpointNo,
        /// The row.
        row: RowId,
        /// How it went.
        verdict: Verdict,
        /// When the row is due again, if it is.
        retry: Option<Timestamp>,
    },
    /// The answer to [`Action::StartBatch`], as [`Event::Answered`] is to [`Action::Start`]: [`Event::Settled`] follows
    /// for each row. Of those that were left out because of one before them in their queue it follows alone.
    BatchAnswered {
        /// The endpoint.
        endpoint: EndpointNo,
        /// The rows, and when each is due again, if it is.
        rows: Vec<(RowId, Option<Timestamp>)>,
        /// How the one request of them went; [`Verdict::NotSent`] if none of them could be sent.
        verdict: Verdict,
    },
    /// The outcome is durable: its queue is free.
    Settled {
        /// The endpoint.
        endpoint: EndpointNo,
        /// The row.
        row: RowId,
    },
    /// The server itself is about to pause or disable an endpoint: it sends nothing from now on.
    Stopping(EndpointNo),
    /// That has been done, or could not be done: the lane goes by its configuration again, once it is read anew.
    Stopped(EndpointNo),
    /// Deliveries that were held are due, and nobody tells which: the lane looks for them.
    Released(EndpointNo),
    /// Deliveries have come due, and nobody tells which: the lane looks for them.
    Woken(EndpointNo),
    /// Pending deliveries were called off, and nobody tells which: what waits in memory may not be sent any more.
    Revoked(EndpointNo),
    /// The answer to [`Action::Clear`].
    Cleared {
        /// The endpoint.
        endpoint: EndpointNo,
        /// Whether there is more to clear; `None` if the store could not do it.
        more: Option<bool>,
    },
    /// These shards are to be handed over: nothing more of them starts.
    Leaving(Vec<Shard>),
    /// What is under way was cut off, and nothing of it will be answered.
    CutOff,
    /// Time has passed.
    Tick,
}

/// What the scheduler asks for.
#[derive(Debug)]
pub enum Action {
    /// Send this one now; [`Event::Answered`] and then [`Event::Settled`] follow.
    Start(Due),
    /// Send these now in one request, two or more, in the order of their numbers; [`Event::BatchAnswered`] and then an
    /// [`Event::Settled`] for each follow.
    StartBatch(Vec<Due>),
    /// Read due rows of an endpoint; [`Event::Loaded`] follows.
    Load(Take),
    /// Read what stands behind heads of queues; [`Event::Followed`] follows.
    Follow(Follow),
    /// Find out what an endpoint wants; [`Event::Configured`] follows.
    Configure {
        /// The endpoint.
        endpoint: EndpointNo,
        /// Its application, if it is known.
        app: Option<AppNo>,
        /// Whether its health as it was last written is wanted too.
        with_health: bool,
    },
    /// End some of the pending deliveries of a deleted endpoint; [`Event::Cleared`] follows.
    Clear {
        /// The endpoint.
        endpoint: EndpointNo,
    },
    /// Nothing of an endpoint needs to be remembered; no answer follows.
    Forget {
        /// The endpoint.
        endpoint: EndpointNo,
    },
}
