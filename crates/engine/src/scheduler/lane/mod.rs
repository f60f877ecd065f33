//! One lane: the queue of one endpoint inside the engine.
//!
//! A lane holds a small window of the rows that are due; the rest stays in the store. `more` says that the store may
//! have due rows that are not here. All decisions about one endpoint are here: how it gathers rows for one attempt in `batch.rs`
//! and `follow.rs`, what comes of attempts in `outcome.rs`. What concerns several endpoints is the scheduler's.

mod batch;
mod follow;
mod outcome;

use ringback_model::{AppNo, EndpointNo, Gate, Health, Mutant, Timestamp, Trigger};
use ringback_store::{Due, QueueNo, Taken};
use rustc_hash::FxHashMap;

use super::RETRY_STORE;
use super::event::{Action, LanePolicy, RowId};
use super::pace::Pace;
use super::window::{Rank, Window, bytes_of};
use batch::Gathering;
use follow::Following;

/// Rows that one lane holds at most, beside those under way.
const WINDOW: usize = 64;

/// What an attempt that has started holds until it is settled.
#[derive(Clone, Copy, Debug)]
struct Held {
    queue: Option<QueueNo>,
    bytes: usize,
    answered: bool,
    /// Somebody asked for it and it was delivered: the delivery ends with it.
    ends: bool,
    /// When the row is due again.
    retry: Option<Timestamp>,
    /// It was asked for once more while it was under way.
    again: bool,
    /// It shares its place with others.
    shared: bool,
}

/// What has been started: one attempt.
#[derive(Debug)]
pub(super) enum Started {
    One(Due),
    /// Two or more, in the order of their numbers.
    Batch(Vec<Due>),
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

/// The server itself is stopping the endpoint: it sends nothing although its configuration does not say so yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    No,
    /// Until the change is durable.
    Stopping,
    /// Until its configuration has been read again.
    Rereading,
}

/// What is kept free for a load under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reserved {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) policy: Option<LanePolicy>,
    pub(super) health: Health,
    /// The health is what was last written, or comes from it.
    health_known: bool,
    hold: Hold,
    /// Its shard is to be handed over.
    leaving: bool,
    /// Rows that may start.
    waiting: Window,
    pub(super) gathering: Gathering,
    following: Following,
    /// Rows that have started and are not settled.
    held: FxHashMap<RowId, Held>,
    /// Queues with unsettled rows, and how many these are.
    busy: FxHashMap<QueueNo, usize>,
    /// Attempts under way.
    running: usize,
    /// Rows in them.
    sending: usize,
    /// Bytes of payload in rows that have started.
    held_bytes: usize,
    /// There may be due rows in the store that are not here.
    pub(super) more: bool,
    loading: Option<Reserved>,
    pub(super) clearing: bool,
    pub(super) configuring: bool,
    /// The configuration that is being read may be old when it comes.
    pub(super) stale: bool,
    /// How many changes the scheduler had been told of when the configuration was asked for.
    pub(super) asked_at: u64,
    /// Deliveries were called off since the load under way began: it may have read them before.
    revoked_meanwhile: bool,
    /// Settled since the load under way began: it may have read them before.
    settled_meanwhile: Vec<RowId>,
    /// When the first row in the store that is not yet due comes due.
    pub(super) next_due: Option<Timestamp>,
    pace: Pace,
    /// The time this lane is registered to be looked at.
    pub(super) wake: Option<Timestamp>,
    /// It stands in the ring, or in line for a permit of its application.
    pub(super) in_ring: bool,
    /// The application that keeps a permit for it.
    pub(super) admitted: Option<AppNo>,
    /// It waits for room to load.
    pub(super) hungry: bool,
    /// It stands among those that wait for more rows.
    pub(super) in_gathering: bool,
    turns: u32,
}

impl Lane {
    pub(super) fn rows(&self) -> usize {
        self.waiting.len() + self.following.len() + self.held.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.waiting.bytes() + self.following.bytes() + self.held_bytes
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    pub(super) fn uncommitted(&self) -> usize {
        self.held.len() - self.sending
    }

    pub(super) fn reserved(&self) -> Reserved {
        let (load, look) = (self.loading.unwrap_or_default(), self.following.looks.as_ref());
        let look = look.map(|look| look.reserved).unwrap_or_default();
        Reserved { rows: load.rows + look.rows, bytes: load.bytes + look.bytes }
    }

    pub(super) fn held_ids(&self) -> Vec<RowId> {
        self.waiting.ids().chain(self.held.keys().copied()).collect()
    }

    pub(super) fn gate(&self) -> Option<Gate> {
        self.policy.as_ref().and_then(|policy| policy.gate)
    }

    /// Whether it may send, as far as its endpoint is concerned.
    fn is_open(&self) -> bool {
        self.policy.is_some() && self.gate().is_none() && self.hold == Hold::No && !self.leaving
    }

    /// Attempts that may be under way: one only while the receiver does not answer in time.
    fn cap(&self) -> usize {
        let cap = self.policy.as_ref().map_or(0, |policy| usize::from(policy.concurrency));
        if Mutant::CapIgnored.is_alive() {
            return 1_000;
        }
        let cap = self.cap_of_batches(cap);
        if self.health.timed_out || self.health.breaker.is_some() { cap.min(1) } else { cap }
    }

    /// Rows worth holding: as many as can soon be sent.
    fn window(&self) -> usize {
        if self.policy.is_none() {
            return 1;
        }
        if !self.is_open() {
            return 0;
        }
        let by_rate = self.pace.rate().map_or(WINDOW, |rate| rate.ceil() as usize + 1);
        WINDOW.min(by_rate).min((self.cap() * 4).max(WINDOW / 4)).max(self.batch_size().unwrap_or(1))
    }

    /// Has the configuration read, and the health if it is not known; `changes` is how many there were so far.
    pub(super) fn ask(&mut self, endpoint: EndpointNo, app: Option<AppNo>, changes: u64) -> Action {
        (self.configuring, self.stale, self.asked_at) = (true, false, changes);
        Action::Configure { endpoint, app, with_health: !self.health_known }
    }

    /// Takes in the health that was last written; later than that it knows better itself.
    pub(super) fn learn_health(&mut self, health: Health) {
        if !std::mem::replace(&mut self.health_known, true) {
            self.health = health;
        }
    }

    /// Its time has come.
    pub(super) fn wake_up(&mut self, now: Timestamp) {
        self.wake = None;
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = None;
            self.more = true;
        }
    }

    /// How many rows to read now; 0 if the lane has enough, or could not send them.
    pub(super) fn appetite(&self) -> usize {
        if !self.more || self.loading.is_some() || self.configuring || self.policy.is_none() {
            return 0;
        }
        let window = self.window();
        // A batch waits for all of its rows.
        let enough = (window / 2 + 1).max(self.batch_size().unwrap_or(0));
        if self.waiting.len() >= enough { 0 } else { window - self.waiting.len() }
    }

    /// A load begins; what it may bring is kept free.
    pub(super) fn load(&mut self, reserved: Reserved) {
        self.loading = Some(reserved);
        self.more = false;
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
            if !self.waiting.is_overtaken_by(&due) || ((!room || full) && !self.waiting.give_way_to(&due)) {
                return;
            }
        }
        self.insert(due);
    }

    fn insert(&mut self, due: Due) {
        let (no, trigger) = (due.message.no, due.trigger);
        let ended = |held: &Held| held.ends && trigger == Trigger::Scheduled;
        if !self.held.contains_key(&(no, trigger)) && !self.held.get(&(no, Trigger::Manual)).is_some_and(ended) {
            self.gather(&due);
            self.waiting.insert(due);
        }
    }

    /// Takes in what a load found at `now`; `None` if the store could not be read: then it looks again in a while.
    pub(super) fn loaded(&mut self, taken: Option<Taken>, now: Timestamp) {
        self.loading = None;
        let gone = std::mem::take(&mut self.settled_meanwhile);
        let revoked = std::mem::take(&mut self.revoked_meanwhile);
        let Some(taken) = taken else {
            self.next_due = earliest(self.next_due, Some(now + RETRY_STORE));
            return;
        };
        if revoked {
            self.more = true;
            return;
        }
        self.more |= taken.more;
        self.next_due = earliest(self.next_due, taken.next_due);
        for due in taken.rows {
            if !gone.contains(&(due.message.no, due.trigger)) {
                self.insert(due);
            }
        }
        if !self.is_open() {
            // It was closed meanwhile: what waits is not to be sent as it stands now, but as it will stand then.
            self.drop_waiting();
        }
    }

    /// Some of what waits was called off: all of it is read anew.
    pub(super) fn revoke(&mut self) {
        self.revoked_meanwhile = self.loading.is_some();
        self.drop_waiting();
    }

    /// Gives the rows that have not started back to the store.
    fn drop_waiting(&mut self) {
        self.more |= !self.waiting.is_empty();
        self.waiting.clear();
        self.gathering = Gathering::default();
        self.following.clear();
    }

    /// Whether a row can start at `now`, as far as this lane knows.
    pub(super) fn readiness(&mut self, now: Timestamp, spare_outcomes: usize) -> Readiness {
        self.gathering.waits = false;
        // While its configuration is read again nothing starts: a change that was answered holds for what comes after.
        if self.configuring || !self.is_open() || self.waiting.is_empty() {
            return Readiness::Waits;
        }
        let cap = self.cap();
        if self.running >= cap || self.uncommitted() >= cap.saturating_add(spare_outcomes) {
            return Readiness::Waits;
        }
        if !self.waiting.has(|due| is_free(due, &self.busy)) {
            return Readiness::Waits;
        }
        if let Some(at) = self.gathers_until(now) {
            self.gathering.waits = true;
            return Readiness::At(at);
        }
        let asked_for = self.waiting.first_is_by_hand();
        if let Some(breaker) = self.health.breaker.filter(|breaker| now < breaker.probe_at && !asked_for) {
            return Readiness::At(breaker.probe_at);
        }
        match self.pace.ready_at(now) {
            at if at > now => Readiness::At(at),
            _ if self.following.looks.is_some() && !asked_for => Readiness::Waits,
            _ => Readiness::Now,
        }
    }

    /// Starts the row whose turn it is, alone or with others. Call it only when [`Lane::readiness`] says `Now`.
    pub(super) fn start(&mut self, now: Timestamp) -> Option<Started> {
        self.turns = self.turns.wrapping_add(1);
        let rank = self.waiting.pick(self.turns, |due| is_free(due, &self.busy))?;
        let started = match self.batch_size() {
            Some(size) if rank.3 == Trigger::Scheduled => self.start_batch(rank, size),
            Some(_) | None => self.begin(&rank, false).map(Started::One),
        }?;
        self.pace.count(now);
        self.running += 1;
        Some(started)
    }

    /// Takes a row out of those that wait, for an attempt that begins.
    fn begin(&mut self, rank: &Rank, shared: bool) -> Option<Due> {
        let due = self.waiting.remove(rank)?;
        self.hold(&due, shared);
        Some(due)
    }

    /// Keeps in mind what an attempt holds that begins.
    fn hold(&mut self, due: &Due, shared: bool) {
        let queue = due.queue.filter(|_| due.trigger == Trigger::Scheduled);
        if let Some(queue) = queue {
            *self.busy.entry(queue).or_default() += 1;
        }
        let bytes = bytes_of(due);
        let held = Held { queue, bytes, answered: false, ends: false, retry: None, again: false, shared };
        let twice = self.held.insert((due.message.no, due.trigger), held);
        debug_assert!(twice.is_none(), "a row is never started twice");
        self.held_bytes += bytes;
        self.sending += 1;
    }

    /// A row of a queue is settled; the queue is free when all of them are.
    fn free(&mut self, queue: QueueNo) {
        if let Some(count) = self.busy.get_mut(&queue) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(&queue);
            }
        }
    }

    /// Nobody was there to share an attempt with.
    fn goes_alone(&mut self, due: &Due) {
        if let Some(held) = self.held.get_mut(&(due.message.no, due.trigger)) {
            held.shared = false;
        }
    }

    /// Takes in what the endpoint wants; `None` if that is not known.
    pub(super) fn configure(&mut self, policy: Option<LanePolicy>, now: Timestamp) {
        self.configuring = false;
        if self.hold == Hold::Rereading && !self.stale && policy.is_some() {
            self.hold = Hold::No;
        }
        let was_disabled = self.gate() == Some(Gate::Disabled);
        // Of what was not cleared yet, no row was looked at.
        self.more |= self.gate() == Some(Gate::Deleted);
        let rate = policy.as_ref().and_then(|policy| policy.rate);
        self.policy = policy;
        self.pace.configure(rate, now);
        self.gather_anew();
        self.following.clear();
        if !self.is_open() {
            self.drop_waiting();
        }
        match (&self.policy, self.gate()) {
            (None, _) => {
                // Nothing can be sent without a policy: leave the rows in the store, and ask again in a while.
                self.more = false;
                self.next_due = Some(now + RETRY_STORE);
            }
            // What is not due yet is to be cleared as well.
            (_, Some(Gate::Deleted)) => self.more = true,
            (_, None) if was_disabled => {
                // Somebody says that it works again: no need to wait for the next probe.
                if let Some(breaker) = &mut self.health.breaker {
                    breaker.probe_at = breaker.probe_at.min(now);
                }
            }
            _ => {}
        }
    }

    /// The server is stopping the endpoint.
    pub(super) fn stopping(&mut self) {
        self.hold = Hold::Stopping;
        self.drop_waiting();
    }

    /// The server has stopped the endpoint, or given up: what its configuration says holds, once it is read.
    pub(super) fn stopped(&mut self) {
        if self.hold == Hold::Stopping {
            self.hold = Hold::Rereading;
        }
    }

    /// Its shard is to be handed over: it starts nothing more, and only ends what is under way.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
        self.drop_waiting();
    }

    /// Whether what there is of its deleted endpoint is to be cleared now.
    pub(super) fn is_to_be_cleared(&self) -> bool {
        self.gate() == Some(Gate::Deleted) && self.more && !self.clearing && !self.leaving
    }

    /// Rows that have started and are not settled.
    pub(super) fn in_hand(&self) -> usize {
        self.held.len()
    }

    /// A step of clearing begins.
    pub(super) fn clear(&mut self) {
        self.clearing = true;
        self.more = false;
        self.next_due = None;
    }

    /// A step of clearing is over: whether there is more, or `None` if the store could not do it.
    pub(super) fn cleared(&mut self, more: Option<bool>, now: Timestamp) {
        self.clearing = false;
        match more {
            Some(more) => self.more |= more,
            None => self.next_due = earliest(self.next_due, Some(now + RETRY_STORE)),
        }
    }

    /// Whether there is nothing to remember of this lane.
    pub(super) fn is_idle(&self) -> bool {
        let rests = self.pace.rate().is_none() && self.health == Health::default();
        self.rows() == 0
            && !(self.more
                || self.loading.is_some()
                || self.following.looks.is_some()
                || self.clearing
                || self.configuring)
            && self.next_due.is_none()
            && (rests || self.gate() == Some(Gate::Deleted))
    }
}

/// Whether nothing is in the way of a row: what somebody asked for does not wait for its queue.
fn is_free(due: &Due, busy: &FxHashMap<QueueNo, usize>) -> bool {
    due.trigger == Trigger::Manual || due.queue.is_none_or(|queue| !busy.contains_key(&queue))
}

pub(super) fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
