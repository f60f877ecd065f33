//! What may run next. A pure value: `step(event, now)` changes it and says what to do, so that a seeded simulation
//! drives it directly and a clock turned by hand is all the time it knows.
//!
//! Lanes that may have something to start stand in a ring and take turns, one start each (deficit round robin with a
//! quantum of one): a lane with a million rows gets as many turns as one with a single row. A lane that cannot start
//! leaves the ring and comes back with the event that changes this. What bounds one lane is in `lane.rs`; what bounds
//! all of them together is in [`Limits`].

mod event;
mod lane;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ringback_model::{AppNo, EndpointNo, Gate, Health, Timestamp, TokenBucket};
use ringback_store::{Due, Take, Taken};
use rustc_hash::FxHashMap;

pub use event::{Action, Event, LanePolicy, RowId, Verdict};
use lane::{Lane, Readiness, earliest};

/// Lanes that are kept although they have nothing to do.
const IDLE_LANES: usize = 20_000;

/// When a look into the store that failed is tried again.
const RETRY_STORE: Duration = Duration::from_secs(1);

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
        Self { attempts: 2_048, rows: 20_000, bytes: 32 << 20, uncommitted: 4_096, uncommitted_of_lane: 256 }
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

/// The scheduler of one engine.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    lanes: FxHashMap<EndpointNo, Lane>,
    apps: FxHashMap<AppNo, AppLane>,
    ring: VecDeque<EndpointNo>,
    wakes: BTreeSet<(Timestamp, EndpointNo)>,
    /// Lanes that found no room to load.
    hungry: VecDeque<EndpointNo>,
    load: Load,
}

/// What the endpoints of one application share.
#[derive(Debug, Default)]
struct AppLane {
    lanes: BTreeSet<EndpointNo>,
    bucket: Option<TokenBucket>,
}

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
            hungry: VecDeque::new(),
            load: Load::default(),
        }
    }

    /// Takes an event in at `now`; what is to be done is added to `actions`. Nothing is started yet: that is
    /// [`Scheduler::start`], called once after all events that are at hand.
    pub fn step(&mut self, event: Event, now: Timestamp, actions: &mut Vec<Action>) {
        match event {
            Event::Due(rows) => rows.into_iter().for_each(|due| self.due(due, now, actions)),
            Event::Missed => self.missed(),
            Event::Found { endpoint, health } => self.with(endpoint, now, actions, |lane| {
                lane.more = true;
                if lane.policy.is_none() {
                    lane.health = health;
                }
            }),
            Event::Configured { endpoint, policy } => self.configured(endpoint, policy, now, actions),
            Event::Changed(app) => self.changed(app, actions),
            Event::Loaded { endpoint, taken } => self.loaded(endpoint, taken, now, actions),
            Event::Answered { endpoint, row, verdict, retry } => self.with(endpoint, now, actions, |lane| {
                lane.answered(row, verdict, retry, now);
            }),
            Event::Settled { endpoint, row } => self.with(endpoint, now, actions, |lane| lane.settled(row)),
            Event::Cleared { endpoint, more } => self.with(endpoint, now, actions, |lane| {
                lane.clearing = false;
                lane.more = more;
                lane.next_due = None;
            }),
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
            self.with(endpoint, now, actions, |lane| {
                lane.wake = None;
                if lane.next_due.is_some_and(|due| due <= now) {
                    lane.next_due = None;
                    lane.more = true;
                }
            });
        }
        while self.load.running < self.limits.attempts && self.load.uncommitted < self.limits.uncommitted {
            let Some(endpoint) = self.ring.pop_front() else { break };
            if let Some(due) = self.turn(endpoint, now, actions) {
                actions.push(Action::Start(due));
            }
        }
        for _ in 0..self.hungry.len() {
            if self.load.rows >= self.limits.rows || self.load.bytes >= self.limits.bytes {
                break;
            }
            let Some(endpoint) = self.hungry.pop_front() else { break };
            self.with(endpoint, now, actions, |lane| lane.hungry = false);
        }
    }

    /// When [`Scheduler::start`] has to be called again although no event came.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Figures of the present moment.
    #[must_use]
    pub fn load(&self) -> Load {
        Load { lanes: self.lanes.len(), ..self.load }
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
        let room = self.load.rows < self.limits.rows && self.load.bytes < self.limits.bytes;
        let lane = self.lanes.entry(endpoint).or_default();
        if lane.policy.is_none() && !lane.configuring {
            lane.configuring = true;
            actions.push(Action::Configure { endpoint, app: Some(app) });
        }
        let (rows, bytes) = (lane.rows(), lane.bytes());
        lane.offer(due, room);
        self.load.rows = self.load.rows + lane.rows() - rows;
        self.load.bytes = self.load.bytes + lane.bytes() - bytes;
        self.revisit(endpoint, now, actions);
    }

    fn missed(&mut self) {
        let first = self.hungry.len();
        for (endpoint, lane) in &mut self.lanes {
            lane.more = true;
            if !std::mem::replace(&mut lane.hungry, true) {
                self.hungry.push_back(*endpoint);
            }
        }
        self.hungry.make_contiguous()[first..].sort_unstable();
    }

    fn changed(&mut self, app: AppNo, actions: &mut Vec<Action>) {
        let Some(known) = self.apps.get(&app) else { return };
        for endpoint in &known.lanes {
            if let Some(lane) = self.lanes.get_mut(endpoint)
                && !lane.configuring
            {
                lane.configuring = true;
                actions.push(Action::Configure { endpoint: *endpoint, app: Some(app) });
            }
        }
    }

    fn configured(
        &mut self,
        endpoint: EndpointNo,
        policy: Option<LanePolicy>,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if let Some(policy) = &policy {
            let app = self.apps.entry(policy.app).or_default();
            app.lanes.insert(endpoint);
            match (policy.app_rate, &mut app.bucket) {
                (Some(rate), Some(bucket)) if bucket.rate() != f64::from(rate) => bucket.set_rate(rate.into(), now),
                (Some(rate), None) => app.bucket = Some(TokenBucket::new(rate.into(), now)),
                (Some(_), Some(_)) => {}
                (None, _) => app.bucket = None,
            }
        }
        self.with(endpoint, now, actions, |lane| {
            let unknown = policy.is_none();
            lane.configure(policy, now);
            if unknown {
                // Nothing can be sent without a policy: leave the rows in the store, and ask again in a while.
                lane.drop_waiting();
                lane.more = false;
                lane.next_due = Some(now + RETRY_STORE);
            }
        });
    }

    fn loaded(&mut self, endpoint: EndpointNo, taken: Option<Taken>, now: Timestamp, actions: &mut Vec<Action>) {
        let failed = taken.is_none();
        self.with(endpoint, now, actions, |lane| {
            if failed {
                // The store could not be read: look again in a while, not at once.
                lane.loading = false;
                lane.next_due = earliest(lane.next_due, Some(now + RETRY_STORE));
            } else {
                lane.loaded(taken);
            }
        });
    }

    /// Changes a lane, keeps the books of all lanes, and sees what the lane can do now.
    fn with(
        &mut self,
        endpoint: EndpointNo,
        now: Timestamp,
        actions: &mut Vec<Action>,
        change: impl FnOnce(&mut Lane),
    ) {
        let lane = self.lanes.entry(endpoint).or_default();
        let before = (lane.rows(), lane.bytes(), lane.running(), lane.uncommitted());
        change(lane);
        self.load.rows = self.load.rows + lane.rows() - before.0;
        self.load.bytes = self.load.bytes + lane.bytes() - before.1;
        self.load.running = self.load.running + lane.running() - before.2;
        self.load.uncommitted = self.load.uncommitted + lane.uncommitted() - before.3;
        self.revisit(endpoint, now, actions);
    }

    /// Puts a lane where it belongs: into the ring, to its next wake, to the store for more rows, or out of memory.
    fn revisit(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        if lane.policy.is_none() && lane.more && !lane.configuring {
            lane.configuring = true;
            actions.push(Action::Configure { endpoint, app: None });
        }
        if lane.policy.as_ref().is_some_and(|policy| policy.gate == Some(Gate::Deleted)) && lane.more && !lane.clearing
        {
            lane.clearing = true;
            actions.push(Action::Clear { endpoint });
        }
        let readiness = lane.readiness(now, self.limits.uncommitted_of_lane);
        if readiness == Readiness::Now && !lane.in_ring {
            lane.in_ring = true;
            self.ring.push_back(endpoint);
        }
        let wake = match readiness {
            Readiness::At(at) => earliest(lane.next_due, Some(at)),
            Readiness::Now | Readiness::Waits => lane.next_due,
        };
        if lane.wake != wake {
            if let Some(at) = lane.wake {
                self.wakes.remove(&(at, endpoint));
            }
            if let Some(at) = wake {
                self.wakes.insert((at, endpoint));
            }
            lane.wake = wake;
        }
        self.feed(endpoint, now, actions);
        if self.lanes.len() > IDLE_LANES
            && self.lanes.get(&endpoint).is_some_and(|lane| lane.is_idle() && !lane.in_ring)
        {
            self.remove(endpoint);
        }
    }

    /// Reads more rows for a lane, if it has use and there is room for them. A lane that holds nothing always gets one
    /// row, so that lanes which cannot move never starve those which could.
    fn feed(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let mut limit = lane.appetite();
        if limit == 0 {
            return;
        }
        let rows = self.limits.rows.saturating_sub(self.load.rows);
        let bytes = self.limits.bytes.saturating_sub(self.load.bytes);
        if rows == 0 || bytes == 0 {
            if lane.rows() > 0 {
                if !std::mem::replace(&mut lane.hungry, true) {
                    self.hungry.push_back(endpoint);
                }
                return;
            }
            limit = 1;
        }
        lane.loading = true;
        lane.more = false;
        let limit = limit.min(rows.max(1));
        actions.push(Action::Load(Take { endpoint, now, limit, max_bytes: bytes.max(1), held: lane.held_ids() }));
    }

    /// One turn of a lane: starts a row if it can, and goes to the end of the ring if it may have another.
    fn turn(&mut self, endpoint: EndpointNo, now: Timestamp, actions: &mut Vec<Action>) -> Option<Due> {
        let lane = self.lanes.get_mut(&endpoint)?;
        lane.in_ring = false;
        if lane.readiness(now, self.limits.uncommitted_of_lane) != Readiness::Now {
            self.revisit(endpoint, now, actions);
            return None;
        }
        let app = lane.policy.as_ref().map(|policy| policy.app);
        let bucket = app.and_then(|app| self.apps.get_mut(&app)).and_then(|app| app.bucket.as_mut());
        if let Some(bucket) = bucket {
            let at = bucket.ready_at(now);
            if at > now {
                self.wait_for_app(endpoint, at);
                return None;
            }
            bucket.take();
        }
        let mut started = None;
        self.with(endpoint, now, actions, |lane| started = lane.start(now));
        started
    }

    /// Lets a lane sleep until its application may send again.
    fn wait_for_app(&mut self, endpoint: EndpointNo, at: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&endpoint) else { return };
        let wake = earliest(lane.next_due, Some(at));
        if let Some(old) = lane.wake.take() {
            self.wakes.remove(&(old, endpoint));
        }
        lane.wake = wake;
        self.wakes.extend(wake.map(|at| (at, endpoint)));
    }

    fn remove(&mut self, endpoint: EndpointNo) {
        let Some(lane) = self.lanes.remove(&endpoint) else { return };
        if let Some(at) = lane.wake {
            self.wakes.remove(&(at, endpoint));
        }
        let Some(app) = lane.policy.map(|policy| policy.app) else { return };
        if let Some(shared) = self.apps.get_mut(&app) {
            shared.lanes.remove(&endpoint);
            if shared.lanes.is_empty() && shared.bucket.is_none() {
                self.apps.remove(&app);
            }
        }
    }
}
