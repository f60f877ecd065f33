//! The bell: what other nodes are told, in transactions of its own that write nothing.
//!
//! A commit with a notification in it would wait for every other one, so the bell is rung after the commit, at most once
//! in five milliseconds, and loses nothing that matters if it breaks: whoever is not told looks by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_model::{AppNo, EndpointNo};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::connection::answered;
use super::holdings::Holdings;
use super::pool::Pool;
use crate::{NodeNo, Shard};

/// What nodes listen to.
pub(super) const CHANNEL: &str = "ringback";
/// The pause after a notification, at least.
const PAUSE: Duration = Duration::from_millis(5);
/// The pause for each time that telling took: where that takes long the database has much to do, and more is told at once,
/// which others then read at once.
const PAUSE_PER_TOOK: u32 = 2;
/// Numbers of one kind in one notification, which holds less than 8,000 bytes.
const MOST: usize = 100;

/// What nodes tell each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Endpoints for which something has come due.
    pub(super) due: BTreeSet<EndpointNo>,
    /// Shards in which something has come due, for too many endpoints to name them.
    pub(super) shards: BTreeSet<Shard>,
    /// Applications whose configuration has changed.
    pub(super) apps: BTreeSet<AppNo>,
    /// Endpoints of which deliveries were called off.
    pub(super) revoked: BTreeSet<EndpointNo>,
    /// Nodes have come or gone, or shards are free.
    pub(super) nodes: bool,
}

/// What is still to be told.
#[derive(Debug, Default)]
pub(super) struct Bell {
    waiting: Mutex<(News, bool)>,
    rung: Notify,
}

impl News {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes out as much as fits into one notification.
    fn take_some(&mut self) -> Self {
        if self.due.len() > MOST {
            self.shards.extend(std::mem::take(&mut self.due).into_iter().map(|endpoint| Shard::of(endpoint.0)));
        }
        Self {
            due: std::mem::take(&mut self.due),
            shards: std::mem::take(&mut self.shards),
            apps: take_some(&mut self.apps),
            revoked: take_some(&mut self.revoked),
            nodes: std::mem::take(&mut self.nodes),
        }
    }

    /// As text, from this node.
    fn write(&self, from: NodeNo) -> String {
        let list = |kind: &str, numbers: Vec<String>| {
            if numbers.is_empty() { String::new() } else { format!(" {kind}{}", numbers.join(",")) }
        };
        let due = list("d", self.due.iter().map(|endpoint| endpoint.0.to_string()).collect());
        let shards = list("s", self.shards.iter().map(|shard| shard.number().to_string()).collect());
        let apps = list("a", self.apps.iter().map(|app| app.0.to_string()).collect());
        let revoked = list("r", self.revoked.iter().map(|endpoint| endpoint.0.to_string()).collect());
        format!("{}{due}{shards}{apps}{revoked}{}", from.0, if self.nodes { " n" } else { "" })
    }

    /// From text. What a later version says beside is left out.
    pub(super) fn read(text: &str) -> Option<(NodeNo, Self)> {
        let mut words = text.split(' ');
        let from = NodeNo(words.next()?.parse().ok()?);
        let mut news = Self::default();
        for word in words {
            let Some(kind) = word.chars().next() else { continue };
            let numbers = word[kind.len_utf8()..].split(',').filter_map(|number| number.parse::<i64>().ok());
            match kind {
                'd' => news.due.extend(numbers.map(EndpointNo)),
                's' => news.shards.extend(numbers.filter_map(Shard::with_number)),
                'a' => news.apps.extend(numbers.map(AppNo)),
                'r' => news.revoked.extend(numbers.map(EndpointNo)),
                'n' => news.nodes = true,
                _ => {}
            }
        }
        Some((from, news))
    }
}

fn take_some<T: Ord + Copy>(from: &mut BTreeSet<T>) -> BTreeSet<T> {
    let Some(rest) = from.iter().nth(MOST).copied() else { return std::mem::take(from) };
    let rest = from.split_off(&rest);
    std::mem::replace(from, rest)
}

impl Bell {
    /// Has others told of these.
    pub(super) fn ring(
        &self,
        due: impl IntoIterator<Item = EndpointNo>,
        apps: impl IntoIterator<Item = AppNo>,
        revoked: impl IntoIterator<Item = EndpointNo>,
    ) {
        let mut waiting = self.lock();
        waiting.0.due.extend(due);
        waiting.0.apps.extend(apps);
        waiting.0.revoked.extend(revoked);
        let silent = waiting.0.is_empty();
        drop(waiting);
        if !silent {
            self.rung.notify_one();
        }
    }

    /// Has others told that nodes have come or gone, or shards are free.
    pub(super) fn ring_nodes(&self) {
        self.lock().0.nodes = true;
        self.rung.notify_one();
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().1 = true;
        self.rung.notify_one();
    }

    /// Tells others what is to be told, until there will be no more.
    pub(super) async fn work(&self, pool: &Pool, holdings: &Arc<Holdings>) {
        loop {
            let (some, closed) = {
                let mut waiting = self.lock();
                (waiting.0.take_some(), waiting.1)
            };
            match (some.is_empty(), closed) {
                (true, true) => return,
                (true, false) => self.rung.notified().await,
                (false, _) => {
                    let began = Instant::now();
                    if let Err(error) = tell(pool, &some.write(holdings.node())).await {
                        tracing::debug!(error = super::error::one_line(&error), "other nodes could not be told");
                    }
                    sleep(PAUSE.max(began.elapsed() * PAUSE_PER_TOOK)).await;
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (News, bool)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one notification. The text is digits, commas and letters that stand above, so it needs no care.
async fn tell(pool: &Pool, text: &str) -> super::error::Result<()> {
    let lease = pool.lease().await?;
    let sql = format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}, '{text}'; COMMIT");
    let told = answered(async { Ok(lease.batch_execute(&sql).await?) }).await;
    lease.give_back(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: i64) -> Shard {
        Shard::with_number(number).unwrap()
    }

    #[test]
    fn news_are_read_as_they_were_written() {
        let news = News {
            due: [EndpointNo(5), EndpointNo(6)].into(),
            shards: [shard(0), shard(255)].into(),
            apps: [AppNo(i64::MAX)].into(),
            revoked: [EndpointNo(7), EndpointNo(9)].into(),
            nodes: true,
        };
        assert_eq!(news.write(NodeNo(12)), "12 d5,6 s0,255 a9223372036854775807 r7,9 n");
        assert_eq!(News::read(&news.write(NodeNo(12))), Some((NodeNo(12), news)));
        assert_eq!(News::read(&News::default().write(NodeNo(1))), Some((NodeNo(1), News::default())));
        assert_eq!(
            News::read("1 x5 s3,999,q"),
            Some((NodeNo(1), News { shards: [shard(3)].into(), ..News::default() }))
        );
        assert_eq!(News::read("nonsense"), None);
    }

    #[test]
    fn what_does_not_fit_into_one_notification_goes_into_the_next() {
        let mut news = News {
            shards: Shard::all().collect(),
            apps: (0..1_000).map(|app| AppNo(i64::MAX - app)).collect(),
            revoked: (0..1_000).map(|endpoint| EndpointNo(i64::MAX - endpoint)).collect(),
            due: (0..100).map(|endpoint| EndpointNo(i64::MAX - endpoint)).collect(),
            nodes: true,
        };
        let (all, mut told) = (news.clone(), News::default());
        while !news.is_empty() {
            let some = news.take_some();
            assert!(!some.is_empty() && some.write(NodeNo(i64::MAX)).len() < 8_000);
            told.due.extend(some.due);
            told.shards.extend(some.shards);
            told.revoked.extend(some.revoked);
            told.apps.extend(some.apps);
            told.nodes |= some.nodes;
        }
        assert_eq!(told, all);
    }

    #[test]
    fn of_too_many_endpoints_their_shards_are_told() {
        let endpoints = (0..101).map(EndpointNo);
        let mut news = News { due: endpoints.collect(), ..News::default() };
        assert_eq!(news.take_some(), News { shards: [shard(0)].into(), ..News::default() });
        assert!(news.is_empty());
    }
}
