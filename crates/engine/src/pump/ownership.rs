//! What of the work is this engine's: shards come and go with the lease of its node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringback_model::{EndpointNo, Mutant, Timestamp};
use ringback_store::{Committed, Epoch, Lease, OverdueQuery, Shard, StoreError};
use tokio::task::JoinSet;

use super::{Done, Pump};
use crate::node::{Order, Rested};
use crate::scheduler::Event;

/// Endpoints with something due that are found at a time.
const OVERDUE_PER_LOOK: usize = 1_000;
/// Looking into all shards takes one part in so many of the time at most.
const LOOKS_PART: u32 = 20;

/// The shards of an engine.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// Those that it owns, with the epochs that it writes under.
    owned: BTreeMap<Shard, Epoch>,
    /// Those of them that it hands over.
    leaving: BTreeSet<Shard>,
    /// What was under way was cut off, and nothing begins until the lease goes on.
    lapsed: bool,
    /// Rises when shards are gained: what was read of them before does not count.
    pub(super) gains: u64,
    /// Those that others may have written to.
    stirred: BTreeSet<Shard>,
    looking: bool,
    /// Before this time not all of them are looked into again.
    look_at: Option<Timestamp>,
}

impl Ownership {
    /// The epoch under which an endpoint's shard is owned.
    pub(super) fn epoch(&self, endpoint: EndpointNo) -> Option<Epoch> {
        self.owned.get(&Shard::of(endpoint.0)).copied()
    }

    /// Whether what comes due at an endpoint is to be taken in.
    fn takes(&self, endpoint: EndpointNo) -> bool {
        let shard = Shard::of(endpoint.0);
        self.owned.contains_key(&shard) && !self.leaving.contains(&shard)
    }

    /// Keeps of a commit what is this engine's.
    pub(super) fn sift(&mut self, committed: &mut Committed) {
        committed.due.retain(|due| self.takes(due.endpoint));
        committed.queued.retain(|(endpoint, _)| self.takes(*endpoint));
        committed.woken.retain(|endpoint| self.takes(*endpoint));
    }
}

impl Pump {
    /// Whether attempts may begin at present.
    pub(super) fn may_begin(&self) -> bool {
        !self.stopping && !self.ownership.lapsed && self.term.may_begin(self.clock.now())
    }

    pub(super) fn ordered(&mut self, order: Order) {
        match order {
            Order::Own(lease) => self.own(&lease),
            Order::Lost => self.lose(|_, _| true),
            Order::Rested(answer) => {
                let rested = self.rest();
                // The node may have ended.
                answer.send(rested).ok();
            }
        }
        self.note_node();
    }

    /// Takes in what the node owns: closes lanes of what is another's, and looks for work in what is new.
    fn own(&mut self, lease: &Lease) {
        let mut owned: BTreeMap<Shard, Epoch> = lease.shards.iter().copied().collect();
        if Mutant::ShardForgotten.is_alive() && !self.ownership.owned.is_empty() {
            owned.retain(|shard, _| self.ownership.owned.contains_key(shard));
        }
        self.lose(|shard, epoch| owned.get(&shard) != Some(&epoch));
        let gained = owned.len() - self.ownership.owned.len();
        self.ownership.owned = owned;
        let resumes = std::mem::take(&mut self.ownership.lapsed);
        if gained > 0 {
            self.ownership.gains += 1;
        }
        if resumes {
            self.tell(Event::Missed);
        }
        if gained > 0 || resumes {
            self.find_all();
        }
        self.leave(lease.surplus.saturating_sub(self.ownership.leaving.len()));
        self.term.note(|reading| {
            reading.node = Some(lease.node);
            reading.others = lease.others;
            reading.gained += gained as u64;
        });
    }

    /// Gives up shards that are another's. What is under way of them is another's, too.
    fn lose(&mut self, is_lost: impl Fn(Shard, Epoch) -> bool) {
        let lost: BTreeSet<Shard> = self
            .ownership
            .owned
            .iter()
            .filter(|(shard, epoch)| is_lost(**shard, **epoch))
            .map(|(shard, _)| *shard)
            .collect();
        if lost.is_empty() {
            return;
        }
        let in_hand = self.scheduler.in_hand();
        if lost.iter().any(|shard| in_hand[usize::from(shard.number())] > 0) {
            // Rare, and nobody can tell which of them were sent: none goes on.
            self.cut_off();
        }
        self.close(&lost);
    }

    fn close(&mut self, gone: &BTreeSet<Shard>) {
        for shard in gone {
            self.ownership.owned.remove(shard);
            self.ownership.leaving.remove(shard);
        }
        for endpoint in self.scheduler.close(|shard| gone.contains(&shard)) {
            self.routes.remove(&endpoint);
            self.holds.forget(endpoint);
            self.executor.sender.forget(endpoint);
        }
    }

    /// Begins to hand over so many shards: first those of which nothing is under way.
    fn leave(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let in_hand = self.scheduler.in_hand();
        let mut staying: Vec<_> =
            self.ownership.owned.keys().copied().filter(|shard| !self.ownership.leaving.contains(shard)).collect();
        staying.sort_by_key(|shard| in_hand[usize::from(shard.number())]);
        staying.truncate(count);
        self.ownership.leaving.extend(&staying);
        self.tell(Event::Leaving(staying));
    }

    /// What of that which is handed over has nothing under way; it is no more this engine's.
    fn rest(&mut self) -> Rested {
        if self.ownership.leaving.is_empty() {
            return Rested::default();
        }
        let in_hand = self.scheduler.in_hand();
        let rested: BTreeSet<_> =
            self.ownership.leaving.iter().copied().filter(|shard| in_hand[usize::from(shard.number())] == 0).collect();
        self.close(&rested);
        Rested { shards: rested.into_iter().collect(), more: !self.ownership.leaving.is_empty() }
    }

    /// How long it is until attempts under way have to be cut off, if there are any.
    pub(super) fn until_cut_off(&self) -> Option<Duration> {
        let under_way = !self.attempts.is_empty();
        if under_way { self.term.until_cut_off(self.clock.now()) } else { None }
    }

    /// Cuts off what is under way if the lease is about to end: another node sends it then.
    pub(super) fn keep_term(&mut self) {
        if !self.ownership.lapsed && !self.ownership.owned.is_empty() && self.term.is_over(self.clock.now()) {
            tracing::warn!("the lease of this node has not been renewed in time: what is under way is cut off");
            self.term.note(|reading| reading.lapses += 1);
            self.cut_off();
            self.ownership.lapsed = true;
        }
    }

    /// Lets go of all that is under way; nothing is recorded of it.
    pub(super) fn cut_off(&mut self) {
        // What has been answered in time counts.
        while let Some(done) = self.attempts.try_join_next() {
            if let Ok(Some((epoch, answer))) = done {
                self.answered(epoch, answer);
            }
        }
        self.attempts = JoinSet::new();
        self.tell(Event::CutOff);
    }

    /// Others may have written to these shards.
    pub(super) fn stirred(&mut self, shards: &[Shard]) {
        let all = shards.len() > 1 && shards.len() >= self.ownership.owned.len();
        if all && self.ownership.look_at.is_some_and(|at| self.clock.now() < at) {
            return;
        }
        self.ownership.stirred.extend(shards);
        self.look();
    }

    /// Looks for what others have made due.
    fn look(&mut self) {
        let stirred = std::mem::take(&mut self.ownership.stirred);
        if self.ownership.looking {
            self.ownership.stirred = stirred;
            return;
        }
        let shards: Vec<_> = stirred.into_iter().filter(|shard| self.ownership.owned.contains_key(shard)).collect();
        if shards.is_empty() {
            return;
        }
        self.ownership.looking = true;
        let (store, clock, all) = (self.store.clone(), self.clock.clone(), shards.len() == self.ownership.owned.len());
        self.tasks.spawn(async move {
            let (began, mut found, mut after) = (clock.now(), Vec::new(), EndpointNo(0));
            loop {
                let query = OverdueQuery { shards: shards.clone(), after, now: began, limit: OVERDUE_PER_LOOK };
                match store.overdue(query).await {
                    Ok(some) => {
                        let last = some.last().copied().filter(|_| some.len() == OVERDUE_PER_LOOK);
                        found.extend(some);
                        match last {
                            Some(last) => after = last,
                            None => break,
                        }
                    }
                    Err(error) => {
                        untold(&error);
                        break;
                    }
                }
            }
            let took = clock.now().since(began);
            Done::Overdue { found, look_at: all.then(|| began + took * LOOKS_PART) }
        });
    }

    pub(super) fn overdue(&mut self, found: Vec<EndpointNo>, look_at: Option<Timestamp>) {
        self.ownership.looking = false;
        self.ownership.look_at = look_at.or(self.ownership.look_at);
        for endpoint in found {
            if self.ownership.takes(endpoint) {
                self.tell(Event::Woken(endpoint));
            }
        }
        self.look();
    }

    /// Whether what was found of an endpoint is to be taken in.
    pub(super) fn takes(&self, endpoint: EndpointNo) -> bool {
        self.ownership.takes(endpoint)
    }

    fn note_node(&self) {
        let (shards, leaving) = (self.ownership.owned.len(), self.ownership.leaving.len());
        self.term.note(|reading| {
            reading.shards = shards;
            reading.leaving = leaving;
        });
    }
}

fn untold(error: &StoreError) {
    // The next look is a second away.
    tracing::debug!(?error, "it could not be seen what has come due by others' doing");
}
