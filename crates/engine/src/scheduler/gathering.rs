//! Lanes whose attempts have several rows: what stands behind the heads of queues, and who may wait for more.

use ringback_model::{EndpointNo, Timestamp};
use ringback_store::QueueNo;

use super::lane::{Readiness, Reserved};
use super::{Action, Scheduler};

impl Scheduler {
    /// Memory is short: who waits for more rows goes with those that it has, so that it does not keep them from others.
    pub(super) fn hurry(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        if self.gathering.is_empty() || self.has_room() {
            return;
        }
        for endpoint in std::mem::take(&mut self.gathering) {
            self.with(endpoint, now, actions, |lane| (lane.in_gathering, lane.gathering.hurried) = (false, true));
        }
    }

    /// Deliveries stand behind others: with those that wait there may be as many as a batch takes.
    pub(super) fn queued(&mut self, rows: Vec<(EndpointNo, QueueNo)>, now: Timestamp, actions: &mut Vec<Action>) {
        for (endpoint, queue) in rows {
            if self.lanes.get_mut(&endpoint).is_some_and(|lane| lane.gather_behind(queue)) {
                self.revisit(endpoint, now, actions);
            }
        }
    }

    /// Has the store look behind the heads of a lane's next batch, if it could start and there are any, as far as there is
    /// room for what is found. Who has stood in line for a permit does not wait any more.
    pub(super) fn look(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) {
        let rows = self.limits.rows.saturating_sub(self.load.rows + self.reserved.rows);
        let bytes = self.limits.bytes.saturating_sub(self.load.bytes + self.reserved.bytes);
        let Some(lane) = self.lanes.get_mut(&endpoint).filter(|lane| lane.admitted.is_none()) else { return };
        if lane.readiness(now, self.limits.uncommitted_of_lane) != Readiness::Now || !lane.has_to_look() {
            return;
        }
        let before = (lane.rows(), lane.bytes());
        let follow = lane.look(endpoint, now, Reserved { rows, bytes });
        self.load.rows = self.load.rows + lane.rows() - before.0;
        self.load.bytes = self.load.bytes + lane.bytes() - before.1;
        let Some(follow) = follow else { return };
        self.reserved.rows += follow.limit;
        self.reserved.bytes += follow.max_bytes;
        actions.push(Action::Follow(follow));
    }
}
