//! The loop of the engine: takes due work into lanes, asks the scheduler what may run, and starts it.
//!
//! One task owns the scheduler. What takes time (an exchange, a look into the store) runs in tasks of its own, and comes
//! back here as a value. The pump never waits for a receiver and never holds a transaction.

mod ownership;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{
    AppNo, AttemptOutcome, Clock, DeliveryState, EndpointNo, Failure, IdMaker, Reason, RetryPolicy, Timestamp,
};
use ringback_store::{
    Clear, Committed, Directory, Due, Epoch, Feed, Finish, LaneStart, Release, Step, Store, StoreError, Taken,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use ownership::Ownership;

use crate::busiest::Busiest;
use crate::configuration;
use crate::engine::EngineOptions;
use crate::executor::{Answer, Executor};
use crate::gatekeeper::{Gatekeeper, Measure};
use crate::holds::Holds;
use crate::log;
use crate::meter::EngineMeter;
use crate::node::Order;
use crate::notice;
use crate::route::Route;
use crate::scheduler::{Action, Event, LanePolicy, Limits, Scheduler};
use crate::sender::Sender;
use crate::tallies::Tallies;
use crate::term::Term;
use crate::watch::{EngineState, EngineWatch, Question};

/// Endpoints found at a time at a start.
const LANES_PER_LOOK: usize = 1_000;
/// Deliveries of a deleted endpoint that are ended at a time.
const CLEARED_PER_STEP: usize = 500;
/// Held deliveries that are released at a time.
const RELEASED_PER_STEP: usize = 500;
/// An endpoint that has failed for so long is disabled.
const FAILING_TOO_LONG: Duration = Duration::from_secs(5 * 24 * 3_600);
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
    Cleared(Place, Option<bool>),
    /// Some of an endpoint were released; there may be more.
    Released(EndpointNo, bool),
    Measured(EndpointNo),
    /// Something that nobody waits for is done: what was counted is kept, or a notice was told.
    Counted,
}

/// An endpoint, and the epoch of its shard when something was begun there: what comes of it later is of no use.
type Place = (EndpointNo, Epoch);

/// What has become of an attempt, and the epoch that it began under; nothing if it was cut off.
type Attempted = Option<(Epoch, Answer)>;

/// Whether endpoints with work are being looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    No,
    UnderWay,
    /// And once more after that: something was missed that the look under way may have passed.
    Again,
}

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
        if !committed.stirred.is_empty() {
            self.stirred(&committed.stirred);
        }
        if committed.nodes_changed {
            self.nodes_changed.notify_one();
        }
    }

    fn attempted(&mut self, done: Result<Attempted, tokio::task::JoinError>) {
        match done {
            Ok(Some((epoch, answer))) => self.answered(epoch, answer),
            // The term was over when it was to go on. It may go on by now; this attempt does not.
            Ok(None) => self.cut_off(),
            // Attempts catch their own panics; nothing else in these tasks can.
            Err(error) => tracing::error!(%error, "an attempt ended badly"),
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
            Ok(Done::Configured(place, ..) | Done::Loaded(place, _) | Done::Cleared(place, _))
                if !self.is_at(place) => {}
            Ok(Done::Configured((endpoint, _), configured, lane)) => self.configured(endpoint, configured, lane),
            Ok(Done::Released(endpoint, more)) => {
                self.tell(Event::Released(endpoint));
                if more {
                    self.release(endpoint);
                }
            }
            Ok(Done::Loaded((endpoint, _), taken)) => self.tell(Event::Loaded { endpoint, taken }),
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

    fn configured(
        &mut self,
        endpoint: EndpointNo,
        configured: Option<(LanePolicy, Arc<Route>)>,
        lane: Option<LaneStart>,
    ) {
        if lane.is_some_and(|lane| lane.held) {
            self.holds.found(endpoint);
        }
        let policy = configured.map(|(policy, route)| {
            let old = self.routes.insert(endpoint, Arc::clone(&route));
            if old.as_ref().is_some_and(|old| old.config.version != route.config.version) {
                self.executor.sender.transport().forget(endpoint);
            }
            if self.holds.configured(endpoint, old.as_ref(), &route) {
                self.release(endpoint);
            }
            policy
        });
        self.tell(Event::Configured { endpoint, policy, health: lane.map(|lane| lane.health) });
    }

    /// Makes held deliveries of an endpoint due, some of them.
    fn release(&mut self, endpoint: EndpointNo) {
        let Some(epoch) = self.ownership.epoch(endpoint) else { return };
        let store = self.store.clone();
        self.tasks.spawn(async move {
            match store.release(Release { endpoint, epoch, limit: RELEASED_PER_STEP }).await {
                Ok(released) => Done::Released(endpoint, released.count == RELEASED_PER_STEP),
                Err(error) => {
                    tracing::error!(?error, "held deliveries could not be released; trying again");
                    tokio::time::sleep(LOOK_AGAIN).await;
                    Done::Released(endpoint, true)
                }
            }
        });
    }

    /// The exchange is over: frees its place, and hands what came of it to the store.
    fn answered(&mut self, epoch: Epoch, answer: Answer) {
        let Answer { due, route, earlier, attempt, judgement } = answer;
        let (endpoint, app) = (due.endpoint, due.message.app);
        if !self.is_at((endpoint, epoch)) {
            return;
        }
        let before = self.scheduler.health(endpoint);
        let row = (due.message.no, due.trigger);
        self.tell(Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() });
        let health = self.scheduler.health(endpoint);
        for attempt in earlier.iter().chain([&attempt]) {
            log::attempt(&due, &route, attempt, judgement.step);
        }
        self.tallies.count(&due, earlier.as_ref(), &attempt, judgement.step);
        self.meter.count(&due, earlier.as_ref(), &attempt, judgement.step);
        self.busiest.count(app, attempt.outcome == AttemptOutcome::Delivered, self.clock.now());
        if matches!(judgement.step, Step::Hold { .. }) {
            self.holds.judged(endpoint, due.message.no, Arc::clone(&route));
        }
        let measure = self.measure(&due, &route, &attempt.outcome, judgement.step, health.failing_since);
        let notice = match self.noticed {
            Some(_) if !route.config.endpoint.callback => {
                notice::of_attempt(&due, &route.config.endpoint, &attempt, judgement.step)
            }
            Some(_) | None => None,
        };
        let finish = Finish {
            message: due.message.no,
            endpoint,
            epoch,
            earlier,
            attempt,
            step: judgement.step,
            health: health.differs_durably(&before).then_some(health),
            notice: notice.map(Box::new),
        };
        match measure {
            Some(measure) if self.measured.insert(endpoint) => {
                let since = health.failing_since.unwrap_or_else(|| self.clock.now());
                self.take_measure(measure, app, &route, finish, since);
            }
            Some(_) | None => {
                // The feed tells when it is durable.
                let noticed = self.noticed.clone().filter(|_| finish.notice.is_some());
                let finished = self.store.finish(finish);
                if let Some(noticed) = noticed {
                    self.tasks.spawn(async move {
                        if finished.await.is_ok() {
                            noticed.notify_one();
                        }
                        Done::Counted
                    });
                }
            }
        }
    }

    fn measure(
        &self,
        due: &Due,
        route: &Route,
        outcome: &AttemptOutcome,
        step: Step,
        failing_since: Option<Timestamp>,
    ) -> Option<Measure> {
        // What one callback URL answers says nothing of the others on its host, and nobody would enable it again.
        if route.config.endpoint.callback {
            return None;
        }
        if matches!(outcome, AttemptOutcome::Failed { why: Failure::Status(410), .. }) {
            return Some(Measure::DisableGone);
        }
        // Whoever has changed the endpoint since, or enabled it again, is given the time anew.
        let since = failing_since.map(|since| since.max(route.config.endpoint.updated_at));
        if since.is_some_and(|since| self.clock.now().since(since) >= FAILING_TOO_LONG) {
            return Some(Measure::DisableFailing);
        }
        let given_up = due.queue.is_some() && matches!(step, Step::End { state: DeliveryState::Fail, .. });
        (given_up && self.scheduler.pauses_when_exhausted(due.endpoint)).then_some(Measure::Pause)
    }

    /// Stops an endpoint and then records the outcome that led to it: were it the other way round, a crash between the
    /// two would let the next of the queue out. The lane sends nothing in the meantime.
    fn take_measure(&mut self, measure: Measure, app: AppNo, route: &Arc<Route>, finish: Finish, since: Timestamp) {
        let endpoint = finish.endpoint;
        self.tell(Event::Stopping(endpoint));
        let gatekeeper = Gatekeeper {
            store: self.store.clone(),
            directory: self.directory.clone(),
            clock: self.clock.clone(),
            app,
            url: route.url.clone(),
            told_since: self.noticed.is_some().then_some(since),
        };
        let noticed = self.noticed.clone();
        self.tasks.spawn(async move {
            let mut taken = gatekeeper.take(measure, endpoint).await;
            // The feed tells when it is durable.
            let finished = gatekeeper.store.finish(finish);
            while let Err(error) = &taken {
                tracing::error!(?error, ?measure, "an endpoint could not be stopped; trying again");
                if matches!(error, StoreError::Broken | StoreError::Corrupt { .. }) {
                    break;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
                taken = gatekeeper.take(measure, endpoint).await;
            }
            if let Some(noticed) = noticed
                && finished.await.is_ok()
            {
                noticed.notify_one();
            }
            Done::Measured(endpoint)
        });
    }

    fn found(&mut self, gains: u64, found: &[LaneStart]) {
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
    fn find_all(&mut self) {
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

    /// Does what the scheduler asks for.
    fn act(&mut self) {
        if self.may_begin() {
            self.scheduler.start(self.clock.now(), &mut self.actions);
        }
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Start(due) => self.start(due),
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

    fn start(&mut self, due: Due) {
        let (Some(route), Some((_, epoch))) = (self.routes.get(&due.endpoint).cloned(), self.place(due.endpoint))
        else {
            debug_assert!(
                false,
                "the scheduler starts nothing of an endpoint that was not configured, or is another's"
            );
            return;
        };
        let executor = self.executor.clone();
        let attempt = async move { (epoch, executor.attempt(due, route).await) };
        self.attempts.spawn(self.term.within(self.clock.clone(), attempt));
    }

    fn configure(&mut self, endpoint: EndpointNo, app: Option<AppNo>, with_health: bool) {
        let Some(place) = self.place(endpoint) else { return };
        let (store, directory, retry) = (self.store.clone(), self.directory.clone(), self.retry.clone());
        self.tasks.spawn(async move {
            let read = async {
                let lane = if with_health { Some(configuration::lane(&*store, endpoint).await?) } else { None };
                Ok::<_, StoreError>((configuration::read(&*store, &directory, &retry, endpoint, app).await?, lane))
            };
            match read.await {
                Ok((configured, lane)) => Done::Configured(place, configured, lane),
                Err(error) => {
                    tracing::error!(?error, "an endpoint's configuration could not be read");
                    Done::Configured(place, None, None)
                }
            }
        });
    }

    fn clear(&mut self, endpoint: EndpointNo) {
        let Some(place) = self.place(endpoint) else { return };
        let reply = self.store.clear(Clear {
            endpoint,
            epoch: Some(place.1),
            state: DeliveryState::Canceled,
            reason: Reason::EndpointDeleted,
            limit: CLEARED_PER_STEP,
            upto: None,
        });
        self.tasks.spawn(async move {
            let cleared = reply.await;
            if let Err(error) = &cleared {
                tracing::error!(?error, "deliveries of a deleted endpoint could not be ended; trying again");
            }
            Done::Cleared(place, cleared.ok().map(|cleared| cleared.count == CLEARED_PER_STEP))
        });
    }
}
