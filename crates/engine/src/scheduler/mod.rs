//! What may run next. A pure value: `step(event, now)` changes it and says what to do, so that a seeded simulation
//! drives it directly and a clock turned by hand is all the time it knows.
//!
//! Lanes that may have something to start stand in a ring and take turns, one start each (deficit round robin with a
//! quantum of one): a lane with a million rows gets as many turns as one with a single row. A lane that cannot start
//! leaves the ring and comes back with the event that changes this. What bounds one lane is in `lane/`, with its rows in
//! `window.rs` and its rate in `pace.rs`; what bounds the lanes of an application is in `app.rs`, and what bounds all of
//! them together in [`Limits`].

mod app;
mod event;
mod gathering;
mod lane;
mod ownership;
mod pace;
#[cfg(test)]
mod tests;
mod window;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, Gate, Health, Timestamp};
use ringback_store::{Due, Take};
use rustc_hash::FxHashMap;

use app::AppLane;
pub use event::{Action, Event, LanePolicy, RowId, Verdict};
use lane::{Lane, Readiness, Reserved, Started, earliest};

/// Lanes that are kept although they have nothing to do.
const IDLE_LANES: usize = 20_000;

/// When a look into the store that failed is tried again.
const RETRY_STORE: Duration = Duration::from_secs(1);

/// Bytes of payload that one load may bring, beyond its first row: many lanes load at once.
const LOAD_BYTES: usize = 512 << 10;

/// What bounds all lanes together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Attempts under way.
    pub attempts: usize,
    /// Rows in memory.
    pub rows: usize,
    /// Bytes of payload in memory.
    pub bytes: usize,
    /// Outcomes that are not durable yet; then sends wait.
    pub uncommitted: usize,
    /// Outcomes of one endpoint that are not durable yet, beyond its concurrency.
    pub uncommitted_of_lane: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: 2_048, rows: 16_000, bytes: 32 << 20, uncommitted: 4_096, uncommitted_of_lane: 256 }
    }
}

/// Figures of the present moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Attempts under way.
    pub running: usize,
    /// Outcomes that are not durable yet.
    pub uncommitted: usize,
    /// Rows in memory.
    pub rows: usize,
    /// Bytes of payload in memory.
    pub bytes: usize,
    /// Lanes in memory.
    pub lanes: usize,
}

/// Lanes that send nothing at present, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Their breaker is open: one probe at a time.
    pub breaker: usize,
    /// Somebody has paused the endpoint, or the server has.
    pub paused: usize,
    /// It is disabled.
    pub disabled: usize,
    /// Its handshake is missing.
    pub unverified: usize,
    /// It was deleted, and what it had is being cleared.
    pub deleted: usize,
}

/// The scheduler of one engine.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    lanes: FxHashMap<EndpointNo, Lane>,
    apps: FxHashMap<AppNo, AppLane>,
    ring: VecDeque<EndpointNo>,
    wakes: BTreeSet<(Timestamp, EndpointNo)>,
    /// When the next in line of an application can be let in.
    admissions: BTreeSet<(Timestamp, AppNo)>,
    /// Lanes that found no room to load more than they have.
    hungry: VecDeque<EndpointNo>,
    /// Lanes that wait for more rows to go with those that they have.
    gathering: BTreeSet<EndpointNo>,
    /// Changes of configuration so far.
    changes: u64,
    load: Load,
    /// What loads under way may bring.
    reserved: Reserved,
}

/// What is asked for when there is no room.
const ONE_ROW: Reserved = Reserved { rows: 1, bytes: 1 };

impl Scheduler {
    /// A scheduler without lanes.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            lanes: FxHashMap::default(),
            apps: FxHashMap::default(),
            ring: VecDeque::new(),
            wakes: BTreeSet::new(),
            admissions: BTreeSet::new(),
            hungry: VecDeque::new(),
            gathering: BTreeSet::new(),
            changes: 0,
            load: Load::default(),
            reserved: Reserved::default(),
        }
    }

    /// Takes an event in at `now`; what is to be done is added to `actions`. Nothing is started yet: that is
    /// [`Scheduler::start`], called once after all events that are at hand.
    pub fn step(&mut self, event: Event, now: Timestamp, actions: &mut Vec<Action>) {
        match event {
            Event::Due(rows) => rows.into_iter().for_each(|due| self.due(due, now, actions)),
            Event::Queued(rows) => self.queued(rows, now, actions),
            Event::Missed => self.missed(now, actions),
            Event::Found { endpoint, health } => {
                self.lanes.entry(endpoint).or_default();
                self.with(endpoint, now, actions, |lane| {
                    lane.more = true;
                    lane.learn_health(health);
                });
            }
            Event::Configured { endpoint, policy, health } => self.configured(endpoint, policy, health, now, actions),
            Event::Changed(app) => self.changed(app, actions),
            Event::Loaded { endpoint, taken } => self.with(endpoint, now, actions, |lane| lane.loaded(taken, now)),
            Event::Followed { endpoint, found } => self.with(endpoint, now, actions, |lane| lane.followed(found)),
            Event::Answered { endpoint, row, verdict, retry } => self.with(endpoint, now, actions, |lane| {
                lane.answered(row, verdict, retry, now);
            }),
            Event::BatchAnswered { endpoint, rows, verdict } => self.with(endpoint, now, actions, |lane| {
                lane.batch_answered(&rows, verdict, now);
            }),
            Event::Settled { endpoint, row } => self.with(endpoint, now, actions, |lane| lane.settled(row)),
            Event::Stopping(endpoint) => self.with(endpoint, now, actions, Lane::stopping),
            Event::Stopped(endpoint) => {
                self.with(endpoint, now, actions, Lane::stopped);
                self.reread(endpoint, actions);
            }
            Event::Released(endpoint) => self.with(endpoint, now, actions, |lane| lane.more = true),
            Event::Woken(endpoint) => {
                self.lanes.entry(endpoint).or_default();
                self.with(endpoint, now, actions, |lane| lane.more = true);
            }
            Event::Revoked(endpoint) => self.with(endpoint, now, actions, Lane::revoke),
            Event::Cleared { endpoint, more } => self.with(endpoint, now, actions, |lane| lane.cleared(more, now)),
            Event::Leaving(shards) => self.leaving(&shards, now, actions),
            Event::CutOff => self.cut_off(now, actions),
            Event::Tick => {}
        }
    }

    /// Starts what may run at `now`, in turns. Also wakes the lanes whose time has come.
    pub fn start(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while let Some(&(at, endpoint)) = self.wakes.first() {
            if at > now {
                break;
            }
            self.wakes.pop_first();
            self.with(endpoint, now, actions, |lane| lane.wake_up(now));
        }
        self.admit(now);
        self.hurry(now, actions);
        while self.load.running < self.limits.attempts && self.load.uncommitted < self.limits.uncommitted {
            let Some(endpoint) = self.ring.pop_front() else { break };
            match self.turn(endpoint, now, actions) {
                Some(Started::One(due)) => actions.push(Action::Start(due)),
                Some(Started::Batch(rows)) => actions.push(Action::StartBatch(rows)),
                None => {}
            }
            self.admit(now);
        }
        for _ in 0..self.hungry.len() {
            if !self.has_room() {
                break;
            }
            let Some(endpoint) = self.hungry.pop_front() else { break };
            self.with(endpoint, now, actions, |lane| lane.hungry = false);
        }
    }

    /// When [`Scheduler::start`] has to be called again although no event came.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        earliest(self.wakes.first().map(|(at, _)| *at), self.admissions.first().map(|(at, _)| *at))
    }

    /// Figures of the present moment.
    #[must_use]
    pub fn load(&self) -> Load {
        Load { lanes: self.lanes.len(), ..self.load }
    }

    /// Which lanes send nothing, counted one by one.
    #[must_use]
    pub fn closed(&self) -> Closed {
        let mut closed = Closed::default();
        for lane in self.lanes.values() {
            match lane.gate() {
                Some(Gate::Paused) => closed.paused += 1,
                Some(Gate::Disabled) => closed.disabled += 1,
                Some(Gate::Unverified) => closed.unverified += 1,
                Some(Gate::Deleted) => closed.deleted += 1,
                None => closed.breaker += usize::from(lane.health.breaker.is_some()),
            }
        }
        closed
    }

    /// The health of an endpoint as far as this engine knows it.
    #[must_use]
    pub fn health(&self, endpoint: EndpointNo) -> Health {
        self.lanes.get(&endpoint).map(|lane| lane.health).unwrap_or_default()
    }

    /// Whether an endpoint is to be paused when a message of a queue is given up.
    #[must_use]
    pub fn pauses_when_exhausted(&self, endpoint: EndpointNo) -> bool {
        self.lanes
            .get(&endpoint)
            .and_then(|lane| lane.policy.as_ref())
            .is_some_and(|policy| policy.pauses_when_exhausted)
    }

    fn due(&mut self, due: Due, now: Timestamp, actions: &mut Vec<Action>) {
        let (endpoint, app) = (due.endpoint, due.message.app);
        let room = self.has_room();
        let changes = self.changes;
        let lane = self.lanes.entry(endpoint).or_default();
        if lane.policy.is_none() && !lane.configuring {
            actions.push(lane.ask(endpoint, Some(app), changes));
        }
        let (rows, bytes) = (lane.rows(), lane.bytes());
        lane.offer(due, room);
        self.load.rows = self.load.rows + lane.rows() - rows;
        self.load.bytes = self.load.bytes + lane.bytes() - bytes;
        self.revisit(endpoint, now, actions);
    }

    /// Has every lane look: those that hold nothing now, the others as there is room.
    fn missed(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let mut endpoints: Vec<EndpointNo> = self.lanes.keys().copied().collect();
        endpoints.sort_unstable();
        for endpoint in endpoints {
            let Some(lane) = self.lanes.get_mut(&endpoint) else { continue };
            lane.more = true;
            if lane.rows() == 0 {
                self.revisit(endpoint, now, actions);
            } else if !std::mem::replace(&mut lane.hungry, true) {
                self.hungry.push_back(endpoint);
            }
        }
    }

    fn changed(&mut self, app: AppNo, actions: &mut Vec<Action>) {
        self.changes += 1;
        let Some(known) = self.apps.get(&app) else { return };
        for endpoint in known.lanes.iter().copied().collect::<Vec<_>>() {
            self.reread(endpoint, actions);
        }
    }

    /// Has an endpoint's configuration read again: now, or as soon as the read under way is over.
    fn reread(&mut self, endpoint: EndpointNo, actions: &mut Vec<Action>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if lane.configuring {
            lane.stale = true;
        } else {
            let app = lane.policy.as_ref().map(|policy| policy.app);
            actions.push(lane.ask(endpoint, app, self.changes));
        }
    }

    fn configured(
        &mut self,
        endpoint: EndpointNo,
        policy: Option<LanePolicy>,
        health: Option<Health>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if let Some(policy) = &policy {
            let app = self.apps.entry(policy.app).or_default();
            app.lanes.insert(endpoint);
            self.ring.extend(app.configure(policy.app_rate, now));
            self.expect_admission(policy.app, now);
        }
        let changes = self.changes;
        let mut again = None;
        self.lanes.entry(endpoint).or_default();
        self.with(endpoint, now, actions, |lane| {
            // Of a lane without a policy it was not known whose changes concern it.
            lane.stale |= lane.configuring && lane.policy.is_none() && lane.asked_at != changes;
            if let Some(health) = health {
                lane.learn_health(health);
            }
            lane.configure(policy, now);
            if let Some(policy) = lane.policy.as_ref().filter(|_| lane.stale) {
                let app = policy.app;
                again = Some(lane.ask(endpoint, Some(app), changes));
            }
        });
        actions.extend(again);
    }

    /// Whether all lanes together may take in another row.
    fn has_room(&self) -> bool {
        self.load.rows + self.reserved.rows < self.limits.rows
            && self.load.bytes + self.reserved.bytes < self.limits.bytes
    }

    /// Changes a lane, keeps the books of all lanes, and sees what the lane can do now.
    fn with(
        &mut self,
        endpoint: EndpointNo,
        now: Timestamp,
        actions: &mut Vec<Action>,
        change: impl FnOnce(&mut Lane),
    ) {
        // What comes for a lane that is gone, because its endpoint is, changes nothing.
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let before = (lane.rows(), lane.bytes(), lane.running(), lane.uncommitted(), lane.reserved());
        change(lane);
        self.load.rows = self.load.rows + lane.rows() - before.0;
        self.load.bytes = self.load.bytes + lane.bytes() - before.1;
        self.load.running = self.load.running + lane.running() - before.2;
        self.load.uncommitted = self.load.uncommitted + lane.uncommitted() - before.3;
        self.reserved.rows = self.reserved.rows + lane.reserved().rows - before.4.rows;
        self.reserved.bytes = self.reserved.bytes + lane.reserved().bytes - before.4.bytes;
        self.revisit(endpoint, now, actions);
    }

    /// Puts a lane where it belongs: into the ring, to its next wake, to the store for more rows, or out of memory.
    fn revisit(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if lane.policy.is_none() && lane.more && !lane.configuring {
            actions.push(lane.ask(endpoint, None, self.changes));
        }
        if lane.is_to_be_cleared() {
            lane.clear();
            actions.push(Action::Clear { endpoint });
        }
        let readiness = lane.readiness(now, self.limits.uncommitted_of_lane);
        if readiness == Readiness::Now && !lane.in_ring {
            lane.in_ring = true;
            self.ring.push_back(endpoint);
        }
        if lane.gathering.waits != lane.in_gathering {
            lane.in_gathering = lane.gathering.waits;
            if lane.in_gathering {
                self.gathering.insert(endpoint)
            } else {
                self.gathering.remove(&endpoint)
            };
        }
        let wake = match readiness {
            Readiness::At(at) => earliest(lane.next_due, Some(at)),
            Readiness::Now | Readiness::Waits => lane.next_due,
        };
        if lane.wake != wake {
            if let Some(at) = lane.wake {
                self.wakes.remove(&(at, endpoint));
            }
            self.wakes.extend(wake.map(|at| (at, endpoint)));
            lane.wake = wake;
        }
        self.feed(endpoint, now, actions);
        self.remove_if_idle(endpoint, actions);
    }

    /// Reads more rows for a lane, if it has use and there is room for them. A lane that holds nothing always gets one
    /// row, so that lanes which cannot move never starve those which could.
    fn feed(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) {
        let room = self.has_room();
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let appetite = lane.appetite();
        if appetite == 0 {
            return;
        }
        if !room && lane.rows() > 0 {
            if !std::mem::replace(&mut lane.hungry, true) {
                self.hungry.push_back(endpoint);
            }
            return;
        }
        let rows = self.limits.rows.saturating_sub(self.load.rows + self.reserved.rows);
        let bytes = self.limits.bytes.saturating_sub(self.load.bytes + self.reserved.bytes);
        let wanted = if room { Reserved { rows: appetite.min(rows), bytes: bytes.min(LOAD_BYTES) } } else { ONE_ROW };
        lane.load(wanted);
        self.reserved.rows += wanted.rows;
        self.reserved.bytes += wanted.bytes;
        let held = lane.held_ids();
        actions.push(Action::Load(Take { endpoint, now, limit: wanted.rows, max_bytes: wanted.bytes, held }));
    }

    /// One turn of a lane: starts a row if it can, and goes to the end of the ring if it may have another.
    fn turn(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) -> Option<Started> {
        self.lanes.get_mut(&endpoint)?.in_ring = false;
        self.look(endpoint, now, actions);
        let lane = self.lanes.get_mut(&endpoint)?;
        let admitted_by = lane.admitted.take();
        let readiness = lane.readiness(now, self.limits.uncommitted_of_lane);
        let app = lane.policy.as_ref().map(|policy| policy.app);
        if let Some(shared) = admitted_by.and_then(|app| self.apps.get_mut(&app)) {
            shared.arrived();
        }
        let mut started = None;
        if readiness == Readiness::Now
            && let Some(shared) = app.and_then(|app| self.apps.get_mut(&app))
            && !shared.take_permit(endpoint, admitted_by.is_some(), now)
        {
            lane.in_ring = true;
        } else if readiness == Readiness::Now {
            self.with(endpoint, now, actions, |lane| started = lane.start(now));
        } else {
            self.revisit(endpoint, now, actions);
        }
        if let Some(app) = admitted_by.or(app) {
            self.expect_admission(app, now);
        }
        started
    }

    /// Lets lanes that stand in line for a permit of their application back into the ring, as permits come.
    fn admit(&mut self, now: Timestamp) {
        while let Some(&(at, app)) = self.admissions.first() {
            if at > now {
                break;
            }
            let next = self.apps.get_mut(&app).and_then(AppLane::admit);
            if let Some(endpoint) = next {
                self.ring.push_back(endpoint);
                if let Some(lane) = self.lanes.get_mut(&endpoint) {
                    lane.admitted = Some(app);
                }
            }
            self.expect_admission(app, now);
        }
    }

    /// Notes when the next in line of an application can be let in.
    fn expect_admission(&mut self, app: AppNo, now: Timestamp) {
        let Some(shared) = self.apps.get_mut(&app) else { return };
        let wake = shared.admits_at(now);
        if shared.wake != wake {
            if let Some(at) = shared.wake {
                self.admissions.remove(&(at, app));
            }
            self.admissions.extend(wake.map(|at| (at, app)));
            shared.wake = wake;
        }
    }

    /// Takes a lane out of memory if there is nothing to remember of it: at once if its endpoint was deleted, else when
    /// there are many.
    fn remove_if_idle(&mut self, endpoint: EndpointNo, actions: &mut Vec<Action>) {
        let many = self.lanes.len() > IDLE_LANES;
        let Some(lane) = self.lanes.get(&endpoint) else { return };
        if lane.in_ring || !lane.is_idle() || !(many || lane.gate() == Some(Gate::Deleted)) {
            return;
        }
        let Some(lane) = self.lanes.remove(&endpoint) else { return };
        self.gathering.remove(&endpoint);
        actions.push(Action::Forget { endpoint });
        if let Some(at) = lane.wake {
            self.wakes.remove(&(at, endpoint));
        }
        let Some(app) = lane.policy.map(|policy| policy.app) else { return };
        if let Some(shared) = self.apps.get_mut(&app) {
            shared.lanes.remove(&endpoint);
            if shared.lanes.is_empty() && shared.is_unlimited() {
                self.apps.remove(&app);
            }
        }
    }
}
