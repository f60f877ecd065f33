//! What this server owns, as it was told last: who is to be told what a commit has changed.
//!
//! Nothing that must hold hangs on it: it may be old, and then somebody is told in vain, or finds out by looking.

use std::sync::{PoisonError, RwLock};

use ringback_model::EndpointNo;

use super::bell::Bell;
use crate::{Committed, Lease, NodeNo, Shard};

/// What this server owns.
#[derive(Debug)]
pub(super) struct Holdings(RwLock<State>);

#[derive(Debug)]
struct State {
    node: NodeNo,
    owned: [bool; Shard::COUNT],
    others: usize,
}

/// The number of a server that is no node.
const NOBODY: NodeNo = NodeNo(0);

impl Default for Holdings {
    fn default() -> Self {
        Self(RwLock::new(State { node: NOBODY, owned: [false; Shard::COUNT], others: 0 }))
    }
}

impl Holdings {
    /// Notes what a lease says.
    pub(super) fn note(&self, lease: &Lease) {
        let mut owned = [false; Shard::COUNT];
        for (shard, _) in &lease.shards {
            owned[usize::from(shard.number())] = true;
        }
        *self.write() = State { node: lease.node, owned, others: lease.others };
    }

    /// These are another's now.
    pub(super) fn gave(&self, shards: &[Shard]) {
        let mut state = self.write();
        for shard in shards {
            state.owned[usize::from(shard.number())] = false;
        }
    }

    /// It owns nothing any more; its number stays, under which nothing is written.
    pub(super) fn lost(&self) {
        self.write().owned = [false; Shard::COUNT];
    }

    pub(super) fn node(&self) -> NodeNo {
        self.read().node
    }

    pub(super) fn others(&self) -> usize {
        self.read().others
    }

    pub(super) fn owns(&self, shard: Shard) -> bool {
        self.read().owned[usize::from(shard.number())]
    }

    pub(super) fn owned(&self) -> Vec<Shard> {
        let state = self.read();
        Shard::all().filter(|shard| state.owned[usize::from(shard.number())]).collect()
    }

    /// What the engine here is told of a commit; of the rest, the bell.
    pub(super) fn share_out(&self, mut committed: Committed, bell: &Bell) -> Committed {
        let state = self.read();
        if state.others == 0 {
            return committed;
        }
        let is_ours = |no: i64| state.owned[usize::from(Shard::of(no).number())];
        let (mut woken, mut revoked) = (Vec::new(), Vec::new());
        committed.due.retain(|due| is_ours(due.endpoint.0) || note(&mut woken, due.endpoint));
        committed.queued.retain(|(endpoint, _)| is_ours(endpoint.0));
        committed.woken.retain(|endpoint| is_ours(endpoint.0) || note(&mut woken, *endpoint));
        committed.revoked.retain(|endpoint| is_ours(endpoint.0) || note(&mut revoked, *endpoint));
        drop(state);
        bell.ring(woken, committed.changed.iter().copied(), revoked);
        committed
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(into: &mut Vec<EndpointNo>, endpoint: EndpointNo) -> bool {
    into.push(endpoint);
    false
}
