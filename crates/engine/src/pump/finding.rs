//! Finding endpoints with work: at a start, when shards are gained, and when the feed has missed something.

use ringback_model::EndpointNo;
use ringback_store::LaneStart;

use super::{Done, LOOK_AGAIN, Pump};
use crate::scheduler::Event;

/// Endpoints found at a time.
const LANES_PER_LOOK: usize = 1_000;

/// Whether endpoints with work are being looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    No,
    UnderWay,
    /// And once more after that: something was missed that the look under way may have passed.
    Again,
}

impl Pump {
    pub(super) fn found(&mut self, gains: u64, found: &[LaneStart]) {
        if gains != self.ownership.gains {
            self.finding = Finding::No;
            return self.find_all();
        }
        for lane in found {
            if !self.takes(lane.endpoint) {
                continue;
            }
            if lane.held {
                self.holds.found(lane.endpoint);
            }
            self.tell(Event::Found { endpoint: lane.endpoint, health: lane.health });
        }
        match found.last().filter(|_| found.len() == LANES_PER_LOOK) {
            Some(last) => self.find(last.endpoint),
            None if std::mem::replace(&mut self.finding, Finding::No) == Finding::Again => self.find_all(),
            None => {}
        }
    }

    /// Looks for all endpoints with work.
    pub(super) fn find_all(&mut self) {
        if self.finding == Finding::No {
            self.finding = Finding::UnderWay;
            self.find(EndpointNo(0));
        } else {
            self.finding = Finding::Again;
        }
    }

    fn find(&mut self, after: EndpointNo) {
        let (store, gains) = (self.store.clone(), self.ownership.gains);
        self.tasks.spawn(async move {
            loop {
                match store.lanes(after, LANES_PER_LOOK).await {
                    Ok(found) => return Done::Found(gains, found),
                    Err(error) => tracing::error!(?error, "pending deliveries could not be looked for; trying again"),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }
}
