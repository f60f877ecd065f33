//! The lookout: what other nodes have done, by listening to them and by looking.
//!
//! A notification comes at once or not at all: the connection may have been broken, or a pooler stand in between. So
//! while there are other nodes every shard is looked into once a second, and every configuration that has changed since.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_postgres::AsyncMessage;

use super::address::Address;
use super::bell::{Bell, CHANNEL, News};
use super::changes::Changes;
use super::connection::{Client, connect_hearing};
use super::error::one_line;
use super::holdings::Holdings;
use super::pool::Pool;
use crate::{Committed, FeedSender, Shard, StoreMeter};

/// How often a node looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long it may take to begin to listen, and how soon it is tried again.
const BEGIN: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_secs(5);

/// All that the lookout works with.
pub(super) struct Lookout {
    /// Where it listens: straight at the server.
    pub(super) address: Address,
    /// Where it reads.
    pub(super) pool: Arc<Pool>,
    pub(super) holdings: Arc<Holdings>,
    pub(super) bell: Arc<Bell>,
    pub(super) feed: FeedSender,
    pub(super) meter: Arc<StoreMeter>,
    /// What was seen of changes by others when the store was opened.
    pub(super) changes: Changes,
    /// The store closes.
    pub(super) closed: Arc<Notify>,
}

/// A connection that hears what others tell. It is deaf when the other side of it has gone.
struct Ear {
    _client: Client,
    heard: mpsc::UnboundedReceiver<AsyncMessage>,
}

impl Lookout {
    /// Looks and listens until the store closes.
    pub(super) async fn run(mut self) {
        let (mut ear, mut listen_at) = (None::<Ear>, Instant::now());
        let (mut look_at, closed) = (Instant::now(), self.closed.clone());
        loop {
            if ear.is_none() && Instant::now() >= listen_at {
                ear = self.listen().await;
                if ear.is_some() {
                    // Whoever hears itself hears the others; through a pooler nobody does.
                    self.bell.ring_nodes();
                    // That a shard was handed over may have been told before there was anybody to hear it.
                    self.feed.tell(Committed { nodes_changed: true, ..Committed::default() });
                }
                listen_at = Instant::now() + AGAIN;
                // Whatever was told while nobody listened was not heard.
                look_at = Instant::now();
            }
            tokio::select! {
                heard = hear(&mut ear) => match heard {
                    Some(message) => self.heard(&message),
                    None => {
                        ear = None;
                        self.meter.set_listening(false);
                    }
                },
                () = sleep_until(look_at) => {
                    self.look().await;
                    look_at = Instant::now() + LOOK;
                }
                () = closed.notified() => return,
            }
        }
    }

    async fn listen(&self) -> Option<Ear> {
        let listening = async {
            let (client, heard) = connect_hearing(&self.address).await?;
            client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
            Ok(Ear { _client: client, heard })
        };
        match timeout(BEGIN, listening).await {
            Ok(Ok(ear)) => Some(ear),
            Ok(Err(error)) => {
                let error: super::error::SqlError = error;
                tracing::debug!(error = one_line(&error), "other nodes cannot be listened to");
                None
            }
            Err(_) => None,
        }
    }

    fn heard(&self, message: &AsyncMessage) {
        let AsyncMessage::Notification(notification) = message else { return };
        let Some((from, news)) = News::read(notification.payload()) else { return };
        if notification.channel() != CHANNEL {
            return;
        }
        if from == self.holdings.node() {
            return self.meter.set_listening(true);
        }
        self.feed.tell(Committed {
            woken: news.due.into_iter().filter(|endpoint| self.holdings.owns(Shard::of(endpoint.0))).collect(),
            stirred: news.shards.into_iter().filter(|shard| self.holdings.owns(*shard)).collect(),
            changed: news.apps.into_iter().collect(),
            revoked: news.revoked.into_iter().collect(),
            nodes_changed: news.nodes,
            ..Committed::default()
        });
    }

    async fn look(&mut self) {
        if self.holdings.others() == 0 {
            // Nobody else writes. What a node that has just come has changed is found at the first look after that.
            return;
        }
        let changed = match self.changes.look(&self.pool).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::debug!(error = one_line(&error), "it could not be seen what other nodes have changed");
                Vec::new()
            }
        };
        self.feed.tell(Committed { stirred: self.holdings.owned(), changed, ..Committed::default() });
    }
}

/// The next thing that is heard; `None` when the connection has ended, never without one.
async fn hear(ear: &mut Option<Ear>) -> Option<AsyncMessage> {
    match ear {
        Some(ear) => ear.heard.recv().await,
        None => std::future::pending().await,
    }
}
