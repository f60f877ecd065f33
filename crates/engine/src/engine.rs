//! An engine as others see it: started, watched, stopped. What it does is in `pump/`.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::{Clock, Random, RetryPolicy};
use ringback_store::{Directory, Feed, Store};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::meter::EngineMeter;
use crate::node::NodeLoop;
use crate::pump::Pump;
use crate::term::Term;
use crate::transformer::Transformer;
use crate::transport::Transport;
use crate::watch::EngineWatch;

/// How long it may take to give the lease back.
const LEAVE: Duration = Duration::from_secs(4);

/// What an engine needs.
#[derive(Debug)]
pub struct EngineOptions {
    /// The facts.
    pub store: Arc<dyn Store>,
    /// The configuration.
    pub directory: Arc<Directory>,
    /// What commits of the store change.
    pub feed: Feed,
    /// The way out.
    pub transport: Arc<Transport>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// When to try again, where an endpoint does not say.
    pub retry: RetryPolicy,
    /// What runs code of endpoints' owners.
    pub transformer: Arc<Transformer>,
    /// What people know this node by.
    pub node: String,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    stop: Arc<Notify>,
    abort: Arc<Notify>,
    stopped: oneshot::Receiver<()>,
    leave: Arc<Notify>,
    left: JoinHandle<()>,
    watch: EngineWatch,
}

impl Engine {
    /// Starts an engine on the current runtime.
    #[must_use]
    pub fn start(options: EngineOptions) -> Self {
        Self::start_telling(options, None)
    }

    /// The same; what is worth telling is kept, and `noticed` is rung when there is something.
    #[must_use]
    pub fn start_telling(options: EngineOptions, noticed: Option<Arc<Notify>>) -> Self {
        let (stop, abort) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (done, stopped) = oneshot::channel();
        let (questions, asked) = mpsc::unbounded_channel();
        let watch = EngineWatch { meter: Arc::new(EngineMeter::new()), term: Arc::new(Term::new()), questions };
        let (orders, ordered) = mpsc::unbounded_channel();
        let node = NodeLoop {
            store: options.store.clone(),
            clock: options.clock.clone(),
            name: options.node.clone(),
            term: watch.term.clone(),
            pump: orders,
            changed: Arc::default(),
            stop: Arc::default(),
        };
        let leave = node.stop.clone();
        let mut pump = Pump::new(options, &watch, asked);
        (pump.noticed, pump.orders, pump.nodes_changed) = (noticed, ordered, node.changed.clone());
        let left = tokio::spawn(node.run());
        let (stop_of_pump, abort_of_pump) = (stop.clone(), abort.clone());
        drop(tokio::spawn(async move {
            pump.run(&stop_of_pump, &abort_of_pump).await;
            // Whoever waits for it may have gone.
            done.send(()).unwrap_or(());
        }));
        Self { stop, abort, stopped, leave, left, watch }
    }

    /// A window into it.
    #[must_use]
    pub fn watch(&self) -> EngineWatch {
        self.watch.clone()
    }

    /// Starts nothing more, waits until what is under way is finished and recorded, but at most `grace`; what is still
    /// under way then is cut off, recorded as nothing, and sent again at the next start, or by another node. Each shard is
    /// handed over to others as soon as nothing of it is under way.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.notify_one();
        self.leave.notify_one();
        if tokio::time::timeout(grace, &mut self.stopped).await.is_err() {
            self.abort.notify_one();
            // An error means that the pump has gone already.
            drop(self.stopped.await);
        }
        if tokio::time::timeout(LEAVE, self.left).await.is_err() {
            tracing::warn!("the lease of this node could not be given back in time: others take over when it is over");
        }
    }
}
