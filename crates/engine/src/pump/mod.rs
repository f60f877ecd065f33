//! The loop of the engine: takes due work into lanes, asks the scheduler what may run, and starts it.
//!
//! One task owns the scheduler. What takes time (an exchange, a look into the store) runs in tasks of its own, and comes
//! back here as a value. The pump never waits for a receiver and never holds a transaction.

mod configuring;
mod finding;
mod outcome;
mod ownership;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{Clock, EndpointNo, IdMaker, Mutant, RetryPolicy, Timestamp};
use ringback_store::{Committed, Directory, Due, Epoch, Feed, Followed, LaneStart, Store, Taken};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use finding::Finding;
use outcome::Attempted;
use ownership::Ownership;

use crate::busiest::Busiest;
use crate::engine::EngineOptions;
use crate::executor::{Answered, Executor};
use crate::holds::Holds;
use crate::meter::EngineMeter;
use crate::node::Order;
use crate::route::Route;
use crate::scheduler::{Action, Event, LanePolicy, Limits, Scheduler};
use crate::sender::Sender;
use crate::tallies::Tallies;
use crate::term::Term;
use crate::watch::{EngineState, EngineWatch, Question};

/// How long the pump waits before it asks a store again that could not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long the last counts may take to be kept when the engine stops.
const LAST_COUNTS: Duration = Duration::from_secs(1);
/// How long the pump sleeps at most, and how often idle connections that are too old are closed.
const SWEEP: Duration = Duration::from_secs(5);

/// What comes back from the tasks of the pump.
#[derive(Debug)]
enum Done {
    /// Endpoints with work, if no shards were gained since the look began.
    Found(u64, Vec<LaneStart>),
    Overdue {
        found: Vec<EndpointNo>,
        /// When all shards are looked into again at the earliest.
        look_at: Option<Timestamp>,
    },
    Configured(Place, Option<(LanePolicy, Arc<Route>)>, Option<LaneStart>),
    Loaded(Place, Option<Taken>),
    Followed(Place, Option<Followed>),
    Cleared(Place, Option<bool>),
    /// Some of an endpoint were released; there may be more.
    Released(EndpointNo, bool),
    Measured(EndpointNo),
    /// Something that nobody waits for is done: what was counted is kept, or a notice was told.
    Counted,
}

/// An endpoint, and the epoch of its shard when something was begun there: what comes of it later is of no use.
type Place = (EndpointNo, Epoch);

pub(crate) struct Pump {
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
    feed: Feed,
    clock: Arc<dyn Clock>,
    retry: RetryPolicy,
    executor: Arc<Executor>,
    scheduler: Scheduler,
    routes: HashMap<EndpointNo, Arc<Route>>,
    holds: Holds,
    tallies: Tallies,
    meter: Arc<EngineMeter>,
    busiest: Busiest,
    /// Rung when something was noticed; nothing is without it.
    pub(crate) noticed: Option<Arc<Notify>>,
    /// Whoever wants to know how it stands.
    asked: mpsc::UnboundedReceiver<Question>,
    /// Endpoints that a measure is being taken against.
    measured: HashSet<EndpointNo>,
    /// Endpoints with work are being looked for.
    finding: Finding,
    ownership: Ownership,
    term: Arc<Term>,
    /// What the node says.
    pub(crate) orders: mpsc::UnboundedReceiver<Order>,
    /// Rung for the node when others have come or gone.
    pub(crate) nodes_changed: Arc<Notify>,
    attempts: JoinSet<Attempted>,
    tasks: JoinSet<Done>,
    actions: Vec<Action>,
    swept_at: Timestamp,
    stopping: bool,
}

impl Pump {
    pub(crate) fn new(options: EngineOptions, watch: &EngineWatch, asked: mpsc::UnboundedReceiver<Question>) -> Self {
        let EngineOptions { store, directory, feed, transport, clock, random, retry, transformer, node: _ } = options;
        let sender = Sender::new(transport, clock.clone());
        let (tallies, busiest) = (Tallies::new(clock.now()), Busiest::new(clock.now()));
        let executor = Arc::new(Executor { sender, transformer, clock: clock.clone(), random, ids: IdMaker::new() });
        Self {
            store,
            directory,
            feed,
            clock,
            retry,
            executor,
            scheduler: Scheduler::new(Limits::default()),
            routes: HashMap::new(),
            holds: Holds::default(),
            tallies,
            meter: watch.meter.clone(),
            busiest,
            noticed: None,
            asked,
            measured: HashSet::new(),
            finding: Finding::No,
            ownership: Ownership::default(),
            term: watch.term.clone(),
            orders: mpsc::unbounded_channel().1,
            nodes_changed: Arc::default(),
            attempts: JoinSet::new(),
            tasks: JoinSet::new(),
            actions: Vec::new(),
            swept_at: Timestamp::MIN,
            stopping: false,
        }
    }

    pub(crate) async fn run(mut self, stop: &Notify, abort: &Notify) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let mut set_for = Instant::now();
        loop {
            // Setting a timer takes a lock, so it is left alone as long as it ends in time.
            let wanted = Instant::now() + self.sleep_length();
            if wanted < set_for || timer.is_elapsed() {
                set_for = wanted;
                timer.as_mut().reset(wanted);
            }
            tokio::select! {
                committed = self.feed.next() => match committed {
                    Some(committed) => self.committed(committed),
                    None => break,
                },
                Some(done) = self.attempts.join_next() => self.attempted(done),
                Some(done) = self.tasks.join_next() => self.done(done),
                Some(order) = self.orders.recv() => self.ordered(order),
                Some(question) = self.asked.recv() => self.tell_state(question),
                () = &mut timer => {}
                () = stop.notified() => self.stopping = true,
                () = abort.notified() => break,
            }
            // What else is at hand, so that one look at the scheduler serves all of it.
            while let Some(committed) = self.feed.try_next() {
                self.committed(committed);
            }
            while let Some(done) = self.attempts.try_join_next() {
                self.attempted(done);
            }
            while let Some(done) = self.tasks.try_join_next() {
                self.done(done);
            }
            self.keep_term();
            if self.feed.missed() {
                self.tell(Event::Missed);
                // Some of what was left out may be for endpoints that have no lane yet.
                self.find_all();
            }
            self.act();
            self.sweep();
            self.keep_counts();
            let load = self.scheduler.load();
            if self.stopping && load.running == 0 && load.uncommitted == 0 && self.measured.is_empty() {
                break;
            }
        }
        self.attempts.shutdown().await;
        self.tasks.shutdown().await;
        let last = self.tallies.take(self.clock.now()).write(self.store.clone());
        if tokio::time::timeout(LAST_COUNTS, last).await.is_err() {
            tracing::warn!("the last counts for charts could not be kept in time");
        }
        self.executor.sender.transport().close_idle();
    }

    fn tell_state(&self, question: Question) {
        let (apps, rest) = self.busiest.read();
        let state = EngineState { load: self.scheduler.load(), closed: self.scheduler.closed(), apps, rest };
        // Whoever asked may have given up.
        question.send(state).ok();
    }

    fn sweep(&mut self) {
        let now = self.clock.now();
        if now.since(self.swept_at) >= SWEEP || self.swept_at == Timestamp::MIN {
            self.swept_at = now;
            self.executor.sender.transport().sweep();
        }
    }

    fn keep_counts(&mut self) {
        if let Some(counted) = self.tallies.take_due(self.clock.now()) {
            let store = self.store.clone();
            self.tasks.spawn(async move {
                counted.write(store).await;
                Done::Counted
            });
        }
    }

    fn sleep_length(&self) -> Duration {
        let wake = match self.scheduler.next_wake() {
            Some(at) if self.may_begin() => at.since(self.clock.now()).min(SWEEP),
            Some(_) | None => SWEEP,
        };
        self.until_cut_off().map_or(wake, |left| wake.min(left))
    }

    fn tell(&mut self, event: Event) {
        self.scheduler.step(event, self.clock.now(), &mut self.actions);
    }

    fn committed(&mut self, mut committed: Committed) {
        self.ownership.sift(&mut committed);
        for settled in committed.settled {
            if self.holds.settled(settled.endpoint, settled.message, self.routes.get(&settled.endpoint)) {
                self.release(settled.endpoint);
            }
            self.tell(Event::Settled { endpoint: settled.endpoint, row: (settled.message, settled.trigger) });
        }
        for app in committed.changed {
            self.directory.forget(app);
            self.tell(Event::Changed(app));
        }
        for endpoint in committed.revoked {
            self.tell(Event::Revoked(endpoint));
        }
        for endpoint in committed.woken {
            self.tell(Event::Woken(endpoint));
        }
        if !committed.due.is_empty() {
            self.tell(Event::Due(committed.due));
        }
        if !committed.queued.is_empty() {
            self.tell(Event::Queued(committed.queued));
        }
        if !committed.stirred.is_empty() {
            self.stirred(&committed.stirred);
        }
        if committed.nodes_changed {
            self.nodes_changed.notify_one();
        }
    }

    /// Whether a place is still what it was.
    fn is_at(&self, (endpoint, epoch): Place) -> bool {
        self.ownership.epoch(endpoint) == Some(epoch)
    }

    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(Done::Found(gains, found)) => self.found(gains, &found),
            Ok(Done::Overdue { found, look_at }) => self.overdue(found, look_at),
            Ok(
                Done::Configured(place, ..)
                | Done::Loaded(place, _)
                | Done::Followed(place, _)
                | Done::Cleared(place, _),
            ) if !self.is_at(place) => {}
            Ok(Done::Configured((endpoint, _), configured, lane)) => self.configured(endpoint, configured, lane),
            Ok(Done::Released(endpoint, more)) => {
                self.tell(Event::Released(endpoint));
                if more {
                    self.release(endpoint);
                }
            }
            Ok(Done::Loaded((endpoint, _), mut taken)) => {
                if let Some(taken) = taken.as_mut().filter(|_| Mutant::RetriesForgotten.is_alive()) {
                    taken.rows.retain(|due| due.tries == 0);
                }
                self.tell(Event::Loaded { endpoint, taken });
            }
            Ok(Done::Followed((endpoint, _), found)) => self.tell(Event::Followed { endpoint, found }),
            Ok(Done::Cleared((endpoint, _), more)) => self.tell(Event::Cleared { endpoint, more }),
            Ok(Done::Measured(endpoint)) => {
                self.measured.remove(&endpoint);
                self.tell(Event::Stopped(endpoint));
            }
            Ok(Done::Counted) => {}
            // Attempts catch their own panics; nothing else in these tasks can.
            Err(error) => tracing::error!(%error, "a task of the engine ended badly"),
        }
    }

    /// Does what the scheduler asks for.
    fn act(&mut self) {
        if self.may_begin() {
            self.scheduler.start(self.clock.now(), &mut self.actions);
        }
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Start(due) => self.start(due),
                Action::StartBatch(rows) => self.start_batch(rows),
                Action::Load(take) => {
                    let Some(place) = self.place(take.endpoint) else { continue };
                    let reply = self.store.take(take);
                    self.tasks.spawn(async move {
                        let taken = reply.await;
                        if let Err(error) = &taken {
                            tracing::error!(?error, "due deliveries could not be read; they are looked for again");
                        }
                        Done::Loaded(place, taken.ok())
                    });
                }
                Action::Follow(follow) => {
                    let Some(place) = self.place(follow.endpoint) else { continue };
                    let reply = self.store.follow(follow);
                    self.tasks.spawn(async move {
                        let found = reply.await;
                        if let Err(error) = &found {
                            tracing::error!(?error, "what stands behind could not be read; the first of each queue go");
                        }
                        Done::Followed(place, found.ok())
                    });
                }
                Action::Configure { endpoint, app, with_health } => self.configure(endpoint, app, with_health),
                Action::Clear { endpoint } => self.clear(endpoint),
                Action::Forget { endpoint } => {
                    self.routes.remove(&endpoint);
                    self.executor.sender.forget(endpoint);
                }
            }
        }
        self.actions = actions;
    }

    /// An endpoint and the epoch of its shard; none if that is another's, and so nothing is to be done there.
    fn place(&self, endpoint: EndpointNo) -> Option<Place> {
        Some((endpoint, self.ownership.epoch(endpoint)?))
    }

    /// What an attempt at an endpoint needs to begin: its route, and the epoch of its shard.
    fn outset(&self, endpoint: EndpointNo) -> Option<(Arc<Route>, Epoch)> {
        let outset = self.routes.get(&endpoint).cloned().zip(self.ownership.epoch(endpoint));
        debug_assert!(
            outset.is_some(),
            "the scheduler starts nothing of an endpoint that was not configured, or is another's"
        );
        outset
    }

    fn start(&mut self, due: Due) {
        let Some((route, epoch)) = self.outset(due.endpoint) else { return };
        let executor = self.executor.clone();
        let attempt = async move { (epoch, Answered::One(executor.attempt(due, route).await)) };
        self.attempts.spawn(self.term.within(self.clock.clone(), attempt));
    }

    fn start_batch(&mut self, rows: Vec<Due>) {
        let Some((route, epoch)) = rows.first().and_then(|due| self.outset(due.endpoint)) else { return };
        let executor = self.executor.clone();
        let attempt = async move { (epoch, executor.batch(rows, route).await) };
        self.attempts.spawn(self.term.within(self.clock.clone(), attempt));
    }
}
