//! What a store has to do with the other nodes: its lease, who is told what, and what is heard.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address::Address;
use super::bell::Bell;
use super::changes::Changes;
use super::connection::{Client, Purpose};
use super::error::{Result, SqlError, open_error};
use super::holdings::Holdings;
use super::lookout::Lookout;
use super::node;
use super::pool::Pool;
use crate::{FeedSender, HandOver, Lease, NewNode, NodeNo, StoreError, StoreMeter};

/// Connections for all this: a renewal never waits for those who read.
const CONNECTIONS: usize = 3;
/// How long a renewal may take: so short that several fit into a lease.
const ANSWER: Duration = Duration::from_secs(3);
/// How long it may take to tell others the last news.
const LAST_NEWS: Duration = Duration::from_secs(2);

/// The part of a store that knows of others.
#[derive(Clone)]
pub(super) struct Cluster {
    pool: Arc<Pool>,
    purpose: Purpose,
    pub(super) holdings: Arc<Holdings>,
    pub(super) bell: Arc<Bell>,
    ringing: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Begins when this server becomes a node.
    lookout: Arc<Mutex<Option<Lookout>>>,
    closed: Arc<Notify>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("holdings", &self.holdings).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Of a store at `address`, which listens straight at the server.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the database cannot be read.
    pub(super) async fn new(
        (address, straight): (Address, Address),
        purpose: Purpose,
        feed: FeedSender,
        meter: Arc<StoreMeter>,
    ) -> Result<Self, StoreError> {
        let pool = Arc::new(Pool::new(address, CONNECTIONS));
        let (holdings, bell, closed) = (Arc::<Holdings>::default(), Arc::<Bell>::default(), Arc::<Notify>::default());
        let mut changes = Changes::default();
        // Before anything is read that others may change.
        changes.look(&pool).await.map_err(|error| open_error("the tables cannot be read", &error))?;
        let lookout = Lookout {
            address: straight,
            pool: pool.clone(),
            holdings: holdings.clone(),
            bell: bell.clone(),
            feed,
            meter,
            changes,
            closed: closed.clone(),
        };
        let ringing = tokio::spawn({
            let (bell, pool, holdings) = (bell.clone(), pool.clone(), holdings.clone());
            async move { bell.work(&pool, &holdings).await }
        });
        Ok(Self {
            pool,
            purpose,
            holdings,
            bell,
            ringing: Arc::new(Mutex::new(Some(ringing))),
            lookout: Arc::new(Mutex::new(Some(lookout))),
            closed,
        })
    }

    /// See [`crate::Store::lease`].
    pub(super) async fn lease(&self, new: &NewNode) -> Result<Lease> {
        let lookout = self.lookout.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(lookout) = lookout {
            tokio::spawn(lookout.run());
        }
        let (lease, _) = self
            .ask(async |client| {
                let node = node::join(client, self.purpose, new).await?;
                node::renew(client, self.purpose, node, true).await
            })
            .await?
            .ok_or(SqlError::Silent)?;
        self.holdings.note(&lease);
        // They make room.
        self.bell.ring_nodes();
        Ok(lease)
    }

    /// See [`crate::Store::renew`].
    pub(super) async fn renew(&self, node: NodeNo, stays: bool) -> Result<Option<Lease>> {
        let renewed = self.ask(async |client| node::renew(client, self.purpose, node, stays).await).await?;
        match &renewed {
            Some((lease, _)) => self.holdings.note(lease),
            None => self.holdings.lost(),
        }
        Ok(renewed.map(|(lease, _)| lease))
    }

    /// See [`crate::Store::hand_over`].
    pub(super) async fn hand_over(&self, item: &HandOver) -> Result<()> {
        // From now on others are told of what is accepted for these.
        self.holdings.gave(&item.shards);
        if item.leaves {
            self.holdings.lost();
        }
        self.ask(async |client| node::hand_over(client, self.purpose, item).await).await?;
        self.bell.ring_nodes();
        Ok(())
    }

    /// Asks on a connection of its own, and gives up soon.
    async fn ask<T>(&self, question: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        let asking = async {
            let lease = self.pool.lease().await?;
            let answer = question(&lease).await;
            lease.give_back(answer)
        };
        within(asking).await
    }

    /// Tells the last news and listens no more.
    pub(super) async fn close(&self) {
        self.end();
        let ringing = self.ringing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ringing) = ringing {
            // Whoever is not told looks by itself.
            timeout(LAST_NEWS, ringing).await.ok();
        }
    }

    /// The same, without waiting for it.
    pub(super) fn end(&self) {
        self.bell.close();
        self.closed.notify_one();
    }
}

async fn within<T>(asking: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(ANSWER, asking).await.unwrap_or(Err(SqlError::Silent))
}
