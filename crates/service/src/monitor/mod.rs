//! What an operator watches: whether the server can do its work, and figures for graphs and alerts.
//!
//! Nothing here costs a delivery anything. Counters are read where they are kept; what would take long to count (what
//! waits) is counted seldom and beside ([`PendingCount`]), and a scrape gets what is known.

mod process;
mod readiness;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringback_engine::{AppReading, EngineReading, EngineState, EngineWatch, NodeReading};
use ringback_model::{Clock, HistogramReading, Timestamp};
use ringback_store::{Directory, Room, Store};

use crate::pending::{Pending, PendingCount};

pub use process::ProcessReading;
pub use readiness::Check;

/// What a [`Monitor`] watches.
#[derive(Debug)]
pub struct MonitorParts {
    /// The durable facts.
    pub store: Arc<dyn Store>,
    /// The cache of configuration.
    pub directory: Arc<Directory>,
    /// The engine.
    pub engine: EngineWatch,
    /// What counts what waits.
    pub pending: Arc<PendingCount>,
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
    pending: Arc<PendingCount>,
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
    pub pending: Option<Arc<Pending>>,
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
        let MonitorParts { store, directory, engine, pending, clock } = parts;
        let skew_at_start = skew(&*clock);
        Self { store, directory, engine, clock, skew_at_start, stopping: AtomicBool::new(false), pending }
    }

    /// The server stops: from now on it is not ready, so that no more work is sent its way.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// All figures of this moment.
    pub async fn figures(&self) -> Figures {
        let (state, pending) = tokio::join!(self.engine.state(), self.pending.last());
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
}

fn skew(clock: &dyn Clock) -> i64 {
    clock.wall().as_micros() - clock.now().as_micros()
}
