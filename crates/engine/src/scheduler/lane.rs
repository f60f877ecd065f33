//! One lane: the queue of one endpoint inside the engine.
//!
//! A lane holds a small window of the rows that are due; the rest stays in the store. `more` says that the store may
//! have due rows that are not here. All decisions about one endpoint are in this file; what concerns several of them is
//! the scheduler's.

use std::collections::BTreeMap;

use ringback_model::{Gate, Health, MessageNo, Timestamp, TokenBucket, Trigger};
use ringback_store::{Due, QueueNo, Taken};
use rustc_hash::{FxHashMap, FxHashSet};

use super::event::{LanePolicy, RowId, Verdict};

/// Rows that one lane holds at most, beside those under way.
const WINDOW: usize = 64;
/// Every so many starts, a row of the least urgent class goes first: 5 % of turns for whoever waits behind.
const TURNS_PER_SHARE: u32 = 20;
/// A lane that was slowed down is freed once it is back at so many times the rate it was slowed down from.
const RECOVERED: f64 = 4.0;

/// The order within a lane: manual ones, then by urgency, then by due time and number.
type Rank = (u8, Timestamp, MessageNo, Trigger);

/// What an attempt that has started holds until it is settled.
#[derive(Clone, Copy, Debug)]
struct Held {
    queue: Option<QueueNo>,
    bytes: usize,
    answered: bool,
    /// When the row is due again.
    retry: Option<Timestamp>,
    /// It was asked for once more while it was under way.
    again: bool,
}

/// Whether a lane can send something at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// A row can start.
    Now,
    /// Not before this time.
    At(Timestamp),
    /// Not before something else happens.
    Waits,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) policy: Option<LanePolicy>,
    pub(super) health: Health,
    /// Rows that may start.
    waiting: BTreeMap<Rank, Due>,
    /// Rows that have started and are not settled.
    held: FxHashMap<RowId, Held>,
    /// Queues with an unsettled row.
    busy: FxHashSet<QueueNo>,
    running: usize,
    bytes: usize,
    /// There may be due rows in the store that are not here.
    pub(super) more: bool,
    pub(super) loading: bool,
    pub(super) clearing: bool,
    pub(super) configuring: bool,
    /// Settled since the load under way began: it may have read them before.
    settled_meanwhile: Vec<RowId>,
    /// When the first row in the store that is not yet due comes due.
    pub(super) next_due: Option<Timestamp>,
    bucket: Option<TokenBucket>,
    slowed: Option<Slowed>,
    starts: Starts,
    /// The time this lane is registered to be looked at.
    pub(super) wake: Option<Timestamp>,
    /// It stands in the ring.
    pub(super) in_ring: bool,
    /// It waits for room to load.
    pub(super) hungry: bool,
    turns: u32,
}

/// A lane whose receiver asked for less.
#[derive(Clone, Copy, Debug)]
struct Slowed {
    rate: f64,
    from: f64,
    at: Timestamp,
}

/// How many attempts were started in this second and in the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Starts {
    second: i64,
    now: u32,
    before: u32,
}

impl Starts {
    fn count(&mut self, now: Timestamp) {
        let second = now.as_seconds();
        if second != self.second {
            self.before = if second == self.second + 1 { self.now } else { 0 };
            (self.second, self.now) = (second, 0);
        }
        self.now += 1;
    }

    fn rate(&self) -> f64 {
        f64::from(self.now.max(self.before).max(1))
    }
}

impl Lane {
    pub(super) fn rows(&self) -> usize {
        self.waiting.len() + self.held.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn uncommitted(&self) -> usize {
        self.held.len() - self.running
    }

    pub(super) fn held_ids(&self) -> Vec<RowId> {
        self.waiting.values().map(|due| (due.message.no, due.trigger)).chain(self.held.keys().copied()).collect()
    }

    fn gate(&self) -> Option<Gate> {
        self.policy.as_ref().and_then(|policy| policy.gate)
    }

    /// Attempts that may be under way: one only while the receiver does not answer in time.
    fn cap(&self) -> usize {
        let cap = self.policy.as_ref().map_or(0, |policy| usize::from(policy.concurrency));
        if cfg!(feature = "mutant-cap-ignored") {
            return 1_000;
        }
        if self.health.timed_out || self.health.breaker.is_some() { cap.min(1) } else { cap }
    }

    /// Rows worth holding: as many as can soon be sent.
    pub(super) fn window(&self) -> usize {
        match (&self.policy, self.gate()) {
            (None, _) => 1,
            (Some(_), Some(_)) => 0,
            (Some(_), None) => {
                let by_rate = self.bucket.map_or(WINDOW, |bucket| bucket.rate().ceil() as usize + 1);
                WINDOW.min(by_rate).min((self.cap() * 4).max(WINDOW / 4)).max(1)
            }
        }
    }

    /// How many rows to read now; 0 if the lane has enough, or could not send them.
    pub(super) fn appetite(&self) -> usize {
        if !self.more || self.loading || self.configuring || self.policy.is_none() {
            return 0;
        }
        let window = self.window();
        if self.waiting.len() * 2 > window { 0 } else { window - self.waiting.len() }
    }

    /// Takes in a row that has come due, or leaves it in the store to be read later.
    pub(super) fn offer(&mut self, due: Due, room: bool) {
        if let Some(held) = self.held.get_mut(&(due.message.no, due.trigger)) {
            held.again = true;
            return;
        }
        // With a backlog in the store the older rows there go first, unless this one is more urgent than what is here. (A
        // row of a queue comes to the feed only as its head, so none is overtaken.)
        let full = self.waiting.len() >= self.window();
        if self.more || !room || full {
            self.more = true;
            let mut from_last = self.waiting.keys().rev();
            let Some(last) = from_last.next().copied().filter(|last| rank_of(&due).0 < last.0) else { return };
            // The only row of its class stays, or its share of the turns would go to nobody.
            if (!room || full) && from_last.next().is_none_or(|other| other.0 != last.0) {
                return;
            }
            if !room || full {
                self.give_back(last);
            }
        }
        self.insert(due);
    }

    fn insert(&mut self, due: Due) {
        if self.held.contains_key(&(due.message.no, due.trigger)) {
            return;
        }
        let bytes = bytes_of(&due);
        if self.waiting.insert(rank_of(&due), due).is_none() {
            self.bytes += bytes;
        }
    }

    /// Leaves a row that has not started to the store.
    fn give_back(&mut self, rank: Rank) {
        if let Some(due) = self.waiting.remove(&rank) {
            self.bytes -= bytes_of(&due);
        }
    }

    /// Takes in what a load found.
    pub(super) fn loaded(&mut self, taken: Option<Taken>) {
        self.loading = false;
        let gone = std::mem::take(&mut self.settled_meanwhile);
        let Some(taken) = taken else {
            self.more = true;
            return;
        };
        self.more |= taken.more;
        self.next_due = earliest(self.next_due, taken.next_due);
        for due in taken.rows {
            if !gone.contains(&(due.message.no, due.trigger)) {
                self.insert(due);
            }
        }
    }

    /// Gives the rows that have not started back to the store.
    pub(super) fn drop_waiting(&mut self) {
        if !self.waiting.is_empty() {
            self.more = true;
            self.bytes -= self.waiting.values().map(bytes_of).sum::<usize>();
            self.waiting = BTreeMap::new();
        }
    }

    /// Whether a row can start at `now`, as far as this lane knows.
    pub(super) fn readiness(&mut self, now: Timestamp, spare_outcomes: usize) -> Readiness {
        if self.policy.is_none() || self.gate().is_some() || self.waiting.is_empty() {
            return Readiness::Waits;
        }
        let cap = self.cap();
        if self.running >= cap || self.uncommitted() >= cap.saturating_add(spare_outcomes) {
            return Readiness::Waits;
        }
        if self.pick(0).is_none() {
            return Readiness::Waits;
        }
        let asked_for = self.waiting.keys().next().is_some_and(|rank| rank.3 == Trigger::Manual);
        if let Some(breaker) = self.health.breaker.filter(|breaker| now < breaker.probe_at && !asked_for) {
            return Readiness::At(breaker.probe_at);
        }
        match self.bucket.as_mut().map(|bucket| bucket.ready_at(now)) {
            Some(at) if at > now => Readiness::At(at),
            Some(_) | None => Readiness::Now,
        }
    }

    /// Starts the row whose turn it is. Call it only when [`Lane::readiness`] says `Now`.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<Due> {
        self.turns = self.turns.wrapping_add(1);
        let rank = self.pick(self.turns)?;
        let due = self.waiting.remove(&rank)?;
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        self.starts.count(now);
        let queue = due.queue.filter(|_| due.trigger == Trigger::Scheduled);
        if let Some(queue) = queue {
            self.busy.insert(queue);
        }
        self.held.insert(
            (due.message.no, due.trigger),
            Held { queue, bytes: bytes_of(&due), answered: false, retry: None, again: false },
        );
        self.running += 1;
        Some(due)
    }

    /// The row whose turn it is: the first, or at every twentieth turn the first of the least urgent class; never one
    /// whose queue has an unsettled row.
    fn pick(&self, turn: u32) -> Option<Rank> {
        let free = |(rank, due): &(&Rank, &Due)| {
            rank.3 == Trigger::Manual || due.queue.is_none_or(|queue| !self.busy.contains(&queue))
        };
        let first = self.waiting.iter().find(free).map(|(rank, _)| *rank)?;
        if turn == 0 || !turn.is_multiple_of(TURNS_PER_SHARE) || first.3 == Trigger::Manual {
            return Some(first);
        }
        let last = self.waiting.iter().rev().find(free).map(|(rank, _)| rank.0)?;
        let lowest = self.waiting.range((last, Timestamp::MIN, MessageNo(i64::MIN), Trigger::Scheduled)..);
        lowest.into_iter().find(free).map(|(rank, _)| *rank)
    }

    /// Frees the place of an attempt that is over, and learns from how it went.
    pub(super) fn answered(&mut self, id: RowId, verdict: Verdict, retry: Option<Timestamp>, now: Timestamp) {
        let Some(held) = self.held.get_mut(&id).filter(|held| !held.answered) else { return };
        held.answered = true;
        held.retry = retry;
        self.bytes -= std::mem::take(&mut held.bytes);
        self.running -= 1;
        self.health = match verdict {
            Verdict::Delivered => self.health.after_success(),
            Verdict::Failed { timed_out, .. } => self.health.after_failure(now, timed_out),
            Verdict::Unreachable => self.health.after_failure(now, false),
            Verdict::NotSent => self.health,
        };
        match verdict {
            Verdict::Delivered => self.speed_up(now),
            Verdict::Failed { overloaded: true, .. } => self.slow_down(now),
            Verdict::Failed { .. } | Verdict::Unreachable | Verdict::NotSent => {}
        }
    }

    /// Frees what a row held.
    pub(super) fn settled(&mut self, id: RowId) {
        if let Some(held) = self.held.remove(&id) {
            self.bytes -= held.bytes;
            if !held.answered {
                self.running -= 1;
            }
            if let Some(queue) = held.queue {
                self.busy.remove(&queue);
            }
            // Only now: a look into the store before this would have passed the row over as held.
            self.next_due = earliest(self.next_due, held.retry);
            self.more |= held.again;
            if self.loading {
                self.settled_meanwhile.push(id);
            }
        }
    }

    pub(super) fn configure(&mut self, policy: Option<LanePolicy>, now: Timestamp) {
        self.configuring = false;
        let rate = policy.as_ref().and_then(|policy| policy.rate);
        let was = self.policy.as_ref().and_then(|policy| policy.rate);
        self.policy = policy;
        if self.gate().is_some() {
            self.drop_waiting();
        }
        if rate != was || (rate.is_some() && self.bucket.is_none()) {
            self.set_rate(now);
        }
    }

    /// At most once for those that were under way together, so that ten answers of 429 count as one.
    fn slow_down(&mut self, now: Timestamp) {
        let Some(current) = (match self.slowed {
            Some(slowed) if now.since(slowed.at).as_secs_f64() < (1.0 / slowed.rate).max(1.0) => None,
            Some(slowed) => Some((slowed.rate, slowed.from)),
            None => {
                let configured = self.policy.as_ref().and_then(|policy| policy.rate).map(f64::from);
                let rate = configured.unwrap_or(f64::INFINITY).min(self.starts.rate());
                Some((rate, rate))
            }
        }) else {
            return;
        };
        self.slowed = Some(Slowed { rate: (current.0 / 2.0).max(1.0 / 60.0), from: current.1, at: now });
        self.set_rate(now);
    }

    fn speed_up(&mut self, now: Timestamp) {
        let Some(mut slowed) = self.slowed else { return };
        slowed.rate *= 1.1;
        self.slowed = (slowed.rate < slowed.from * RECOVERED).then_some(slowed);
        self.set_rate(now);
    }

    fn set_rate(&mut self, now: Timestamp) {
        let configured = self.policy.as_ref().and_then(|policy| policy.rate).map(f64::from);
        let wanted = match (configured, self.slowed.map(|slowed| slowed.rate)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (wanted, &mut self.bucket) {
            (Some(rate), Some(bucket)) => bucket.set_rate(rate, now),
            (Some(rate), None) => self.bucket = Some(TokenBucket::new(rate, now)),
            (None, _) => self.bucket = None,
        }
    }

    /// Whether there is nothing to remember of this lane.
    pub(super) fn is_idle(&self) -> bool {
        self.rows() == 0
            && !(self.more || self.loading || self.clearing || self.configuring)
            && self.next_due.is_none()
            && self.bucket.is_none()
            && self.health == Health::default()
    }
}

fn rank_of(due: &Due) -> Rank {
    let urgency = match due.trigger {
        Trigger::Manual => 0,
        Trigger::Scheduled => due.priority.0 + 1,
    };
    (urgency, due.due, due.message.no, due.trigger)
}

fn bytes_of(due: &Due) -> usize {
    due.message.body().map_or(0, |(body, _)| body.len())
}

pub(super) fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
