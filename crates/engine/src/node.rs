//! The node: keeps its lease, tells the pump what it owns, and hands over what others are to have.
//!
//! It is a task of its own, so that a renewal waits for nobody. The pump owns shards only as it is told here, in order.

use std::sync::Arc;
use std::time::Duration;

use ringback_model::Clock;
use ringback_store::{HandOver, Lease, NewNode, NodeNo, Shard, Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::process;
use crate::term::Term;

/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(2);
/// How soon it is tried again when that fails.
const AGAIN: Duration = Duration::from_millis(300);
/// How often it is looked whether what is to be handed over has come to rest.
const REST: Duration = Duration::from_millis(10);

/// What the pump is told, and asked.
#[derive(Debug)]
pub(crate) enum Order {
    /// This is what the node owns; so many of the shards are to be handed over.
    Own(Lease),
    /// Nothing is owned any more: others have taken it over.
    Lost,
    /// Which of the shards that are to be handed over have nothing under way? From the answer on they are not the pump's.
    Rested(oneshot::Sender<Rested>),
}

/// What of that which is to be handed over has come to rest.
#[derive(Debug, Default)]
pub(crate) struct Rested {
    pub(crate) shards: Vec<Shard>,
    /// There are others, which have not.
    pub(crate) more: bool,
}

/// What a node works with.
#[derive(Debug)]
pub(crate) struct NodeLoop {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) name: String,
    pub(crate) term: Arc<Term>,
    pub(crate) pump: mpsc::UnboundedSender<Order>,
    /// Rung when others have come or gone.
    pub(crate) changed: Arc<Notify>,
    /// Rung when the server stops.
    pub(crate) stop: Arc<Notify>,
}

impl NodeLoop {
    /// Keeps the lease until the server stops, and leaves in good order; until the store says that it lasts for ever.
    pub(crate) async fn run(self) {
        let (mut node, mut stays, mut in_trouble) = (None, true, false);
        loop {
            // Of what lasts for ever nobody else is to have anything.
            let Some(until) = self.renew(&mut node, stays, &mut in_trouble).await else { return };
            if self.wait(until, node, &mut stays).await == Rest::Over {
                break;
            }
        }
        let Some(node) = node else { return };
        let leaving = self.store.hand_over(HandOver { node, shards: Vec::new(), leaves: true });
        if let Err(error) = leaving.await {
            tracing::warn!(?error, "the lease could not be given back: others take over when it is over");
        }
    }

    /// Gets or prolongs the lease; answers when to do so again, `None` if never.
    async fn renew(&self, node: &mut Option<NodeNo>, stays: bool, in_trouble: &mut bool) -> Option<Instant> {
        // Before it is sent: whatever time it takes on the way, the lease does not end later than this says.
        let (asked_at, began) = (self.clock.now(), Instant::now());
        let renewed = match *node {
            Some(node) => self.store.renew(node, stays).await,
            None if !stays => return Some(began + RENEW),
            None => self.join().await.map(Some),
        };
        match renewed {
            Ok(Some(lease)) => {
                if std::mem::take(in_trouble) {
                    tracing::info!(node = lease.node.0, "the lease of this node goes on");
                }
                *node = Some(lease.node);
                let lasts = lease.lasts;
                self.term.prolong(asked_at, lasts);
                self.compare(&lease);
                // The pump may have ended.
                self.pump.send(Order::Own(lease)).ok();
                lasts.map(|_| began + RENEW)
            }
            Ok(None) => {
                tracing::warn!("the lease of this node was over, and others have taken over what it had");
                self.term.lose();
                *node = None;
                self.pump.send(Order::Lost).ok();
                Some(began)
            }
            Err(error) => {
                if !std::mem::replace(in_trouble, true) {
                    tracing::warn!(?error, "the lease of this node cannot be renewed; trying again");
                }
                Some(Instant::now() + AGAIN)
            }
        }
    }

    /// Compares the clocks: what one node says is due at a time, another one sends by its own.
    fn compare(&self, lease: &Lease) {
        let Some(at) = lease.renewed_at else { return };
        let ahead = self.clock.wall().as_micros() - at.as_micros();
        self.term.note(|reading| reading.ahead = ahead);
    }

    async fn join(&self) -> Result<Lease, StoreError> {
        let others = self.store.nodes().await?;
        let ended = others.iter().filter(|other| process::has_ended(&other.process)).map(|other| other.no).collect();
        let (name, version) = (self.name.clone(), env!("CARGO_PKG_VERSION").to_owned());
        let lease = self.store.lease(NewNode { name, version, process: process::this(), ended }).await?;
        if lease.lasts.is_some() {
            tracing::info!(
                node = lease.node.0,
                shards = lease.shards.len(),
                others = lease.others,
                "this is a node now"
            );
        }
        Ok(lease)
    }

    /// Waits until the lease is to be renewed, and hands over meanwhile.
    async fn wait(&self, until: Instant, node: Option<NodeNo>, stays: &mut bool) -> Rest {
        let mut more = true;
        loop {
            tokio::select! {
                () = sleep_until(until) => return Rest::Renew,
                () = self.changed.notified(), if *stays => return Rest::Renew,
                () = self.stop.notified(), if *stays => {
                    *stays = false;
                    return Rest::Renew;
                }
                () = sleep(REST), if more => match self.hand_over(node).await {
                    Some(left) => more = left || !*stays,
                    // It has come to its end.
                    None => return Rest::Over,
                }
            }
        }
    }

    /// Hands over what has come to rest; answers whether there is more, or `None` if the pump has ended.
    async fn hand_over(&self, node: Option<NodeNo>) -> Option<bool> {
        let (question, answer) = oneshot::channel();
        self.pump.send(Order::Rested(question)).ok()?;
        let Rested { shards, more } = answer.await.ok()?;
        if let Some(node) = node
            && !shards.is_empty()
        {
            tracing::debug!(shards = shards.len(), "shards are handed over");
            if let Err(error) = self.store.hand_over(HandOver { node, shards, leaves: false }).await {
                // They are this node's still, and the next renewal says so.
                tracing::warn!(?error, "shards could not be handed over; trying again");
            }
        }
        Some(more)
    }
}

/// What a wait has ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Renew,
    Over,
}
