//! What an operator watches: whether the server can do its work, and figures for graphs and alerts.
//!
//! Nothing here costs a delivery anything. Counters are read where they are kept; what would take long to count (what
//! waits) is counted seldom and beside, and a scrape gets what is known.

mod process;
mod readiness;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_engine::{AppReading, EngineReading, EngineState, EngineWatch, NodeReading};
use ringback_model::{Clock, HistogramReading, Timestamp};
use ringback_store::{Directory, Room, Store};

pub use process::ProcessReading;
pub use readiness::Check;

/// What waits is counted at most so often,
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// and takes at most this part of the time.
const SAMPLE_PART: u32 = 200;
/// How long a scrape waits for the count; then it gets the one before.
const SAMPLE_WAIT: Duration = Duration::from_millis(50);

/// What a [`Monitor`] watches.
#[derive(Debug)]
pub struct MonitorParts {
    /// The durable facts.
    pub store: Arc<dyn Store>,
    /// The cache of configuration.
    pub directory: Arc<Directory>,
    /// The engine.
    pub engine: EngineWatch,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Watches a server.
#[derive(Debug)]
pub struct Monitor {
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
    engine: EngineWatch,
    clock: Arc<dyn Clock>,
    /// How far the wall clock was ahead of the steady one at the start, in microseconds.
    skew_at_start: i64,
    stopping: AtomicBool,
    sample: Arc<Mutex<Sampling>>,
}

#[derive(Debug, Default)]
struct Sampling {
    last: Option<Pending>,
    next_at: Option<Timestamp>,
    under_way: bool,
}

/// What waits, as it was when it was last counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Deliveries.
    pub deliveries: u64,
    /// When the message of the oldest one was accepted.
    pub oldest: Option<Timestamp>,
    /// When it was counted.
    pub counted_at: Timestamp,
}

/// Figures for graphs and alerts.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Messages accepted since the start.
    pub messages: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// How long commits took, in microseconds.
    pub commit_time: HistogramReading,
    /// How many writes shared a commit.
    pub commit_size: HistogramReading,
    /// The room that an embedded store has.
    pub room: Option<Room>,
    /// How this node stands among others; `None` where there can be no others.
    pub node: Option<NodeReading>,
    /// Outcomes that were not recorded because their shard was another node's by then.
    pub fenced: u64,
    /// Whether other nodes are heard at once.
    pub listening: bool,
    /// What the engine has counted.
    pub engine: EngineReading,
    /// What the engine holds; `None` if it does not answer.
    pub state: Option<EngineState>,
    /// Attempts of the busiest applications, by id.
    pub apps: Vec<(String, AppReading)>,
    /// What waits; `None` until it has been counted.
    pub pending: Option<Pending>,
    /// The time that ages are told by.
    pub now: Timestamp,
    /// How far the wall clock has moved away from the steady one since the start, in microseconds.
    pub clock_skew: i64,
    /// What the process uses.
    pub process: Option<ProcessReading>,
}

impl Monitor {
    /// Watches these.
    #[must_use]
    pub fn new(parts: MonitorParts) -> Self {
        let MonitorParts { store, directory, engine, clock } = parts;
        let skew_at_start = skew(&*clock);
        Self {
            store,
            directory,
            engine,
            clock,
            skew_at_start,
            stopping: AtomicBool::new(false),
            sample: Arc::default(),
        }
    }

    /// The server stops: from now on it is not ready, so that no more work is sent its way.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// All figures of this moment.
    pub async fn figures(&self) -> Figures {
        let (state, pending) = tokio::join!(self.engine.state(), self.pending());
        let state = state.ok();
        let meter = self.store.meter();
        let apps = state.as_ref().map(|state| state.apps.clone()).unwrap_or_default();
        let mut named = Vec::with_capacity(apps.len());
        for (app, reading) in apps {
            // One that was deleted, or cannot be read at present, has no name to be shown under.
            if let Ok(Some(app)) = self.directory.app(app).await {
                named.push((app.application.id.to_string(), reading));
            }
        }
        named.sort();
        Figures {
            messages: meter.messages.get(),
            deliveries: meter.deliveries.get(),
            commit_time: meter.commit_time.read(),
            commit_size: meter.commit_size.read(),
            room: meter.room(),
            node: Some(self.engine.node()).filter(|node| node.until.is_some()),
            fenced: meter.fenced.get(),
            listening: meter.is_listening(),
            engine: self.engine.read(),
            state,
            apps: named,
            pending,
            now: self.clock.now(),
            clock_skew: self.clock_skew(),
            process: process::read(),
        }
    }

    fn clock_skew(&self) -> i64 {
        skew(&*self.clock) - self.skew_at_start
    }

    /// What waits. If the last count is old a new one begins; whoever asks waits for that a moment only.
    async fn pending(&self) -> Option<Pending> {
        let now = self.clock.now();
        let begins = {
            let mut sampling = self.sampling();
            let begins = !sampling.under_way && sampling.next_at.is_none_or(|at| now >= at);
            sampling.under_way |= begins;
            begins
        };
        if begins {
            let (store, clock, sample) = (self.store.clone(), self.clock.clone(), self.sample.clone());
            let counting = tokio::spawn(async move {
                let counted = store.pending().await;
                let (counted_at, took) = (clock.now(), clock.now().since(now));
                let mut sampling = sample.lock().unwrap_or_else(PoisonError::into_inner);
                match counted {
                    Ok(backlog) => {
                        sampling.last =
                            Some(Pending { deliveries: backlog.pending, oldest: backlog.oldest, counted_at });
                    }
                    Err(error) => {
                        tracing::warn!(?error, "what waits could not be counted; metrics show the count before")
                    }
                }
                sampling.next_at = Some(counted_at + SAMPLE_EVERY.max(took * SAMPLE_PART));
                sampling.under_way = false;
            });
            // It goes on when nobody waits for it any more.
            drop(tokio::time::timeout(SAMPLE_WAIT, counting).await);
        }
        self.sampling().last
    }

    fn sampling(&self) -> std::sync::MutexGuard<'_, Sampling> {
        self.sample.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn skew(clock: &dyn Clock) -> i64 {
    clock.wall().as_micros() - clock.now().as_micros()
}
