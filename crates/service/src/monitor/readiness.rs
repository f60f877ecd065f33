//! Whether the server can do its work, check by check.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Monitor;

/// How long a write and a read may take.
const STORE_WAIT: Duration = Duration::from_secs(5);
/// How far the wall clock may be away from that of the database, in microseconds.
const AHEAD_MAX: i64 = 10_000_000;
/// How far the wall clock may move away from the steady one, in microseconds.
const SKEW_MAX: i64 = 30_000_000;

/// One thing that has to be as it should for the server to do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A stable word.
    pub name: &'static str,
    /// What is wrong and what to do, in words for the operator; `None` if all is well.
    pub trouble: Option<String>,
}

impl Monitor {
    /// Looks at everything that has to be as it should.
    pub async fn readiness(&self) -> Vec<Check> {
        let (store, dispatcher) = tokio::join!(self.store_trouble(), self.engine.state());
        let stopping = self.stopping.load(Ordering::Relaxed).then(|| "The server is stopping.".to_owned());
        let dispatcher = dispatcher
            .err()
            .map(|stalled| format!("Nothing is delivered: {stalled}. Restart the server; the log may say why."));
        vec![
            Check { name: "stopping", trouble: stopping },
            Check { name: "store", trouble: store },
            Check { name: "disk", trouble: self.disk_trouble() },
            Check { name: "dispatcher", trouble: dispatcher },
            Check { name: "clock", trouble: self.clock_trouble() },
            Check { name: "lease", trouble: self.lease_trouble() },
        ]
    }

    async fn store_trouble(&self) -> Option<String> {
        match tokio::time::timeout(STORE_WAIT, self.store.ping()).await {
            Ok(Ok(())) => None,
            Ok(Err(ringback_store::StoreError::Full)) => {
                Some("The store has no room on its disk: new messages are refused until there is more.".to_owned())
            }
            Ok(Err(error)) => {
                tracing::warn!(?error, "not ready: the store does not work");
                Some("A write and a read do not go through the store: the log says why.".to_owned())
            }
            Err(_) => {
                Some("The store has not answered for 5 seconds: its disk or its database is too slow.".to_owned())
            }
        }
    }

    fn disk_trouble(&self) -> Option<String> {
        let room = self.store.meter().room().filter(ringback_store::Room::is_low)?;
        Some(format!(
            "{} MB are free on the disk of the store, and {} MB are kept for outcomes: new messages are refused until \
             there is more room.",
            room.free / 1_000_000,
            room.reserve / 1_000_000
        ))
    }

    /// A node without a lease takes messages, and others deliver them.
    fn lease_trouble(&self) -> Option<String> {
        let node = self.engine.node();
        let is_over = node.node.is_some() && node.until.is_some_and(|until| until <= self.clock.now());
        is_over.then(|| {
            "The lease of this node is over, and it delivers nothing until the database renews it: what it had is \
             delivered by other nodes, if there are any."
                .to_owned()
        })
    }

    fn clock_trouble(&self) -> Option<String> {
        let ahead = self.engine.node().ahead;
        if ahead.abs() > AHEAD_MAX {
            return Some(format!(
                "The clock of this machine is {} s {} that of the database, and what other nodes take in comes due by \
                 theirs: set it by NTP.",
                ahead.abs() / 1_000_000,
                if ahead > 0 { "ahead of" } else { "behind" }
            ));
        }
        let skew = self.clock_skew();
        (skew.abs() > SKEW_MAX).then(|| {
            format!(
                "The clock of this machine was set {} s {} since the start, and schedules go by the old time: restart \
                 the server.",
                skew.abs() / 1_000_000,
                if skew > 0 { "forward" } else { "back" }
            )
        })
    }
}
