//! What a commit has changed, told to the engine in the order of commits.
//!
//! The feed saves a read: what was just written is handed over in memory. When the engine falls behind, due rows are left
//! out and [`Feed::missed`] says so: they are in the store, and a [`crate::Take`] finds them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ringback_model::{AppNo, EndpointNo, MessageNo, Timestamp, Trigger};
use tokio::sync::mpsc;

use crate::{Due, QueueNo, Shard};

/// Due rows that may wait for the engine to read them.
const ROWS_WAITING: usize = 8_192;

/// One delivery's attempt that has become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The message.
    pub message: MessageNo,
    /// The endpoint.
    pub endpoint: EndpointNo,
    /// Which of its two possible attempts.
    pub trigger: Trigger,
}

/// What one commit has changed.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// Deliveries that have come due in it: accepted, next in their queue, or asked for again. In the order of numbers.
    pub due: Vec<Due>,
    /// Deliveries that were accepted in it behind others of their queue. A hint only: what other nodes accept is not here,
    /// and nothing is when the engine is behind.
    pub queued: Vec<(EndpointNo, QueueNo)>,
    /// Attempts that have become durable in it.
    pub settled: Vec<Settled>,
    /// Applications whose configuration has changed in it.
    pub changed: Vec<AppNo>,
    /// Endpoints of which deliveries have come due that are not told one by one: in it, or by another node's doing.
    pub woken: Vec<EndpointNo>,
    /// Endpoints of which pending deliveries have ended in it without an attempt.
    pub revoked: Vec<EndpointNo>,
    /// Shards in which something may have come due by another node's doing, of which nobody tells what.
    pub stirred: Vec<Shard>,
    /// Nodes have come or gone, or shards are free.
    pub nodes_changed: bool,
}

impl Committed {
    /// Notes deliveries that are due; of those that come due later than `now` their endpoint only, which looks for itself.
    pub(crate) fn come_due(&mut self, deliveries: impl IntoIterator<Item = Due>, now: Timestamp) {
        for due in deliveries {
            if due.due <= now { self.due.push(due) } else { self.woken.push(due.endpoint) }
        }
    }

    /// How much of it is bounded by nothing but how far the engine is behind.
    fn rows(&self) -> usize {
        self.due.len() + self.queued.len()
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
            && self.queued.is_empty()
            && self.settled.is_empty()
            && self.changed.is_empty()
            && self.woken.is_empty()
            && self.revoked.is_empty()
            && self.stirred.is_empty()
            && !self.nodes_changed
    }
}

/// The side of the feed that a store writes.
#[derive(Clone, Debug)]
pub struct FeedSender {
    sender: mpsc::UnboundedSender<Committed>,
    waiting: Arc<Waiting>,
}

/// The side of the feed that the engine reads.
#[derive(Debug)]
pub struct Feed {
    receiver: mpsc::UnboundedReceiver<Committed>,
    waiting: Arc<Waiting>,
}

/// What has been told and not yet read.
#[derive(Debug, Default)]
struct Waiting {
    rows: AtomicUsize,
    missed: AtomicBool,
}

/// A feed: what a store tells its engine.
#[must_use]
pub fn feed() -> (FeedSender, Feed) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(Waiting::default());
    (FeedSender { sender, waiting: waiting.clone() }, Feed { receiver, waiting })
}

impl FeedSender {
    /// Tells of a commit. Settled attempts and changes are always told (their number is bounded by what is under way);
    /// due rows are left out when the engine is far behind, and the feed says that it missed some.
    pub fn tell(&self, mut committed: Committed) {
        let waiting = self.waiting.rows.load(Ordering::Relaxed);
        if waiting + committed.rows() > ROWS_WAITING {
            committed.queued = Vec::new();
        }
        if waiting + committed.rows() > ROWS_WAITING && !committed.due.is_empty() {
            committed.due = Vec::new();
            self.tell_missed();
        }
        if !committed.is_empty() {
            self.waiting.rows.fetch_add(committed.rows(), Ordering::Relaxed);
            // Nobody reads any more: the engine has stopped, and the rows are in the store.
            drop(self.sender.send(committed));
        }
    }

    /// Tells that something may have been committed of which nothing is known: every lane has to look for itself.
    pub fn tell_missed(&self) {
        if !self.waiting.missed.swap(true, Ordering::AcqRel) {
            // Wakes the reader, who may have read all there was; as above, there may be none.
            drop(self.sender.send(Committed::default()));
        }
    }
}

impl Feed {
    /// The next commit; `None` when the store has stopped.
    pub async fn next(&mut self) -> Option<Committed> {
        let committed = self.receiver.recv().await?;
        self.waiting.rows.fetch_sub(committed.rows(), Ordering::Relaxed);
        Some(committed)
    }

    /// The next commit that is already there.
    pub fn try_next(&mut self) -> Option<Committed> {
        let committed = self.receiver.try_recv().ok()?;
        self.waiting.rows.fetch_sub(committed.rows(), Ordering::Relaxed);
        Some(committed)
    }

    /// Whether due rows were left out since this was last asked: then every lane has to look for itself.
    #[must_use]
    pub fn missed(&self) -> bool {
        self.waiting.missed.load(Ordering::Relaxed) && self.waiting.missed.swap(false, Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_attempts_are_told_even_when_due_rows_are_left_out() {
        let (sender, mut feed) = feed();
        sender.waiting.rows.store(ROWS_WAITING, Ordering::Relaxed);
        let settled = Settled { message: MessageNo(1), endpoint: EndpointNo(1), trigger: Trigger::Scheduled };
        sender.tell(Committed { settled: vec![settled], ..Committed::default() });
        assert_eq!(feed.try_next().unwrap().settled, [settled]);
        assert!(!feed.missed());
    }

    #[test]
    fn whoever_misses_something_is_woken() {
        let (sender, mut feed) = feed();
        sender.waiting.rows.store(ROWS_WAITING, Ordering::Relaxed);
        for _ in 0..2 {
            sender.tell(Committed { due: vec![Due::sample()], ..Committed::default() });
        }
        assert!(feed.try_next().expect("it is woken").is_empty());
        assert!(feed.try_next().is_none(), "once is enough");
        assert!(feed.missed());
        sender.tell(Committed { due: vec![Due::sample()], ..Committed::default() });
        assert!(feed.try_next().is_some() && feed.missed(), "and once more for what is missed later");
    }
}
