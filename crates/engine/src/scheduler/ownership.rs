//! Lanes that come and go with the shards that a node owns.

use ringback_model::{EndpointNo, Timestamp};
use ringback_store::Shard;

use super::{Action, Scheduler};

impl Scheduler {
    /// Starts nothing more of these shards.
    pub(super) fn leaving(&mut self, shards: &[Shard], now: Timestamp, actions: &mut Vec<Action>) {
        for endpoint in self.endpoints_of(|shard| shards.contains(&shard)) {
            self.with(endpoint, now, actions, super::Lane::leave);
        }
    }

    /// What is under way will not be answered: it is in the store as it was, and starts anew when it may.
    pub(super) fn cut_off(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        for endpoint in self.endpoints_of(|_| true) {
            self.with(endpoint, now, actions, super::Lane::cut_off);
        }
    }

    /// How many rows of each shard have started and are not settled.
    #[must_use]
    pub fn in_hand(&self) -> [usize; Shard::COUNT] {
        let mut in_hand = [0; Shard::COUNT];
        for (endpoint, lane) in &self.lanes {
            in_hand[usize::from(Shard::of(endpoint.0).number())] += lane.in_hand();
        }
        in_hand
    }

    /// Forgets all lanes of some shards, which are another's; answers which they were. What is told of them from now on
    /// changes nothing.
    pub fn close(&mut self, gone: impl Fn(Shard) -> bool) -> Vec<EndpointNo> {
        let closed = self.endpoints_of(gone);
        for endpoint in &closed {
            let Some(lane) = self.lanes.remove(endpoint) else { continue };
            self.load.rows -= lane.rows();
            self.load.bytes -= lane.bytes();
            self.load.running -= lane.running();
            self.load.uncommitted -= lane.uncommitted();
            self.reserved.rows -= lane.reserved().rows;
            self.reserved.bytes -= lane.reserved().bytes;
            if let Some(at) = lane.wake {
                self.wakes.remove(&(at, *endpoint));
            }
            self.gathering.remove(endpoint);
            if let Some(shared) = lane.admitted.and_then(|app| self.apps.get_mut(&app)) {
                shared.arrived();
            }
            let Some(app) = lane.policy.as_ref().map(|policy| policy.app) else { continue };
            let Some(shared) = self.apps.get_mut(&app) else { continue };
            shared.remove(*endpoint);
            // All of an application is in one shard, so its rate is another's to keep as well.
            if shared.lanes.is_empty() {
                let wake = shared.wake;
                self.admissions.retain(|(at, other)| *other != app || Some(*at) != wake);
                self.apps.remove(&app);
            }
        }
        if !closed.is_empty() {
            self.ring.retain(|endpoint| self.lanes.contains_key(endpoint));
            self.hungry.retain(|endpoint| self.lanes.contains_key(endpoint));
        }
        closed
    }

    fn endpoints_of(&self, which: impl Fn(Shard) -> bool) -> Vec<EndpointNo> {
        let mut endpoints: Vec<_> =
            self.lanes.keys().copied().filter(|endpoint| which(Shard::of(endpoint.0))).collect();
        endpoints.sort_unstable();
        endpoints
    }
}
