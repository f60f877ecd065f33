//! The loop of the engine: takes due work into lanes, asks the scheduler what may run, and starts it.
//!
//! One task owns the scheduler. What takes time (an exchange, a look into the store) runs in tasks of its own, and comes
//! back here as a value. The pump never waits for a receiver and never holds a transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ringback_model::{
    AppNo, AttemptOutcome, Clock, DeliveryState, EndpointNo, Failure, IdMaker, Random, Reason, RetryPolicy, Timestamp,
};
use ringback_store::{
    Clear, Committed, Directory, Due, Feed, Finish, LaneStart, Release, Step, Store, StoreError, Taken,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::busiest::Busiest;
use crate::configuration;
use crate::executor::{Answer, Executor};
use crate::gatekeeper::{Gatekeeper, Measure};
use crate::holds::Holds;
use crate::log;
use crate::meter::EngineMeter;
use crate::notice;
use crate::route::Route;
use crate::scheduler::{Action, Event, LanePolicy, Limits, Scheduler};
use crate::sender::Sender;
use crate::tallies::Tallies;
use crate::transport::Transport;
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

/// What an engine needs.
#[derive(Debug)]
pub struct EngineOptions {
    /// The facts.
    pub store: Arc<dyn Store>,
    /// The configuration.
    pub directory: Arc<Directory>,
    /// What commits of the store change.
    pub feed: Feed,
    /// The way out.
    pub transport: Arc<Transport>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// When to try again, where an endpoint does not say.
    pub retry: RetryPolicy,
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    stop: Arc<Notify>,
    abort: Arc<Notify>,
    stopped: oneshot::Receiver<()>,
    watch: EngineWatch,
}

impl Engine {
    /// Starts an engine on the current runtime.
    #[must_use]
    pub fn start(options: EngineOptions) -> Self {
        Self::start_telling(options, None)
    }

    /// The same; what is worth telling is kept, and `noticed` is rung when there is something.
    #[must_use]
    pub fn start_telling(options: EngineOptions, noticed: Option<Arc<Notify>>) -> Self {
        let (stop, abort) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (done, stopped) = oneshot::channel();
        let (questions, asked) = mpsc::unbounded_channel();
        let watch = EngineWatch { meter: Arc::new(EngineMeter::new()), questions };
        let mut pump = Pump::new(options, watch.meter.clone(), asked);
        pump.noticed = noticed;
        let (stop_of_pump, abort_of_pump) = (stop.clone(), abort.clone());
        drop(tokio::spawn(async move {
            pump.run(&stop_of_pump, &abort_of_pump).await;
            // Whoever waits for it may have gone.
            done.send(()).unwrap_or(());
        }));
        Self { stop, abort, stopped, watch }
    }

    /// A window into it.
    #[must_use]
    pub fn watch(&self) -> EngineWatch {
        self.watch.clone()
    }

    /// Starts nothing more, waits until what is under way is finished and recorded, but at most `grace`; what is still
    /// under way then is cut off, recorded as nothing, and sent again at the next start.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.notify_one();
        if tokio::time::timeout(grace, &mut self.stopped).await.is_err() {
            self.abort.notify_one();
            // An error means that the pump has gone already.
            drop(self.stopped.await);
        }
    }
}

/// What comes back from the tasks of the pump.
#[derive(Debug)]
enum Done {
    Answer(Box<Answer>),
    Found(Vec<LaneStart>),
    Configured(EndpointNo, Option<(LanePolicy, Arc<Route>)>, Option<LaneStart>),
    Loaded(EndpointNo, Option<Taken>),
    Cleared(EndpointNo, Option<bool>),
    /// Some of an endpoint were released; there may be more.
    Released(EndpointNo, bool),
    Measured(EndpointNo),
    /// Something that nobody waits for is done: what was counted is kept, or a notice was told.
    Counted,
}

/// Whether endpoints with work are being looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    No,
    UnderWay,
    /// And once more after that: something was missed that the look under way may have passed.
    Again,
}

struct Pump {
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
    noticed: Option<Arc<Notify>>,
    /// Whoever wants to know how it stands.
    asked: mpsc::UnboundedReceiver<Question>,
    /// Endpoints that a measure is being taken against.
    measured: HashSet<EndpointNo>,
    /// Endpoints with work are being looked for.
    finding: Finding,
    tasks: JoinSet<Done>,
    actions: Vec<Action>,
    swept_at: Timestamp,
    stopping: bool,
}

impl Pump {
    fn new(options: EngineOptions, meter: Arc<EngineMeter>, asked: mpsc::UnboundedReceiver<Question>) -> Self {
        let EngineOptions { store, directory, feed, transport, clock, random, retry } = options;
        let sender = Sender::new(transport, clock.clone());
        let (tallies, busiest) = (Tallies::new(clock.now()), Busiest::new(clock.now()));
        let executor = Arc::new(Executor { sender, clock: clock.clone(), random, ids: IdMaker::new() });
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
            meter,
            busiest,
            noticed: None,
            asked,
            measured: HashSet::new(),
            finding: Finding::No,
            tasks: JoinSet::new(),
            actions: Vec::new(),
            swept_at: Timestamp::MIN,
            stopping: false,
        }
    }

    async fn run(mut self, stop: &Notify, abort: &Notify) {
        self.find_all();
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
                Some(done) = self.tasks.join_next() => self.done(done),
                Some(question) = self.asked.recv() => self.tell_state(question),
                () = &mut timer => {}
                () = stop.notified() => self.stopping = true,
                () = abort.notified() => break,
            }
            // What else is at hand, so that one look at the scheduler serves all of it.
            while let Some(committed) = self.feed.try_next() {
                self.committed(committed);
            }
            while let Some(done) = self.tasks.try_join_next() {
                self.done(done);
            }
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
        match self.scheduler.next_wake() {
            Some(at) if !self.stopping => at.since(self.clock.now()).min(SWEEP),
            Some(_) | None => SWEEP,
        }
    }

    fn tell(&mut self, event: Event) {
        self.scheduler.step(event, self.clock.now(), &mut self.actions);
    }

    fn committed(&mut self, committed: Committed) {
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
    }

    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(Done::Answer(answer)) => self.answered(*answer),
            Ok(Done::Found(found)) => self.found(&found),
            Ok(Done::Configured(endpoint, configured, lane)) => self.configured(endpoint, configured, lane),
            Ok(Done::Released(endpoint, more)) => {
                self.tell(Event::Released(endpoint));
                if more {
                    self.release(endpoint);
                }
            }
            Ok(Done::Loaded(endpoint, taken)) => self.tell(Event::Loaded { endpoint, taken }),
            Ok(Done::Cleared(endpoint, more)) => self.tell(Event::Cleared { endpoint, more }),
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
        let store = self.store.clone();
        self.tasks.spawn(async move {
            match store.release(Release { endpoint, limit: RELEASED_PER_STEP }).await {
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
    fn answered(&mut self, answer: Answer) {
        let Answer { due, route, earlier, attempt, judgement } = answer;
        let (endpoint, app) = (due.endpoint, due.message.app);
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

    fn found(&mut self, found: &[LaneStart]) {
        for lane in found {
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
        let store = self.store.clone();
        self.tasks.spawn(async move {
            loop {
                match store.lanes(after, LANES_PER_LOOK).await {
                    Ok(found) => return Done::Found(found),
                    Err(error) => tracing::error!(?error, "pending deliveries could not be looked for; trying again"),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
    }

    /// Does what the scheduler asks for.
    fn act(&mut self) {
        if !self.stopping {
            self.scheduler.start(self.clock.now(), &mut self.actions);
        }
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Start(due) => self.start(due),
                Action::Load(take) => {
                    let (endpoint, reply) = (take.endpoint, self.store.take(take));
                    self.tasks.spawn(async move {
                        let taken = reply.await;
                        if let Err(error) = &taken {
                            tracing::error!(?error, "due deliveries could not be read; they are looked for again");
                        }
                        Done::Loaded(endpoint, taken.ok())
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

    fn start(&mut self, due: Due) {
        let Some(route) = self.routes.get(&due.endpoint).cloned() else {
            debug_assert!(false, "the scheduler starts nothing of an endpoint that was not configured");
            return;
        };
        let executor = self.executor.clone();
        self.tasks.spawn(async move { Done::Answer(Box::new(executor.attempt(due, route).await)) });
    }

    fn configure(&mut self, endpoint: EndpointNo, app: Option<AppNo>, with_health: bool) {
        let (store, directory, retry) = (self.store.clone(), self.directory.clone(), self.retry.clone());
        self.tasks.spawn(async move {
            let read = async {
                let lane = if with_health { Some(configuration::lane(&*store, endpoint).await?) } else { None };
                Ok::<_, StoreError>((configuration::read(&*store, &directory, &retry, endpoint, app).await?, lane))
            };
            match read.await {
                Ok((configured, lane)) => Done::Configured(endpoint, configured, lane),
                Err(error) => {
                    tracing::error!(?error, "an endpoint's configuration could not be read");
                    Done::Configured(endpoint, None, None)
                }
            }
        });
    }

    fn clear(&mut self, endpoint: EndpointNo) {
        let reply = self.store.clear(Clear {
            endpoint,
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
            Done::Cleared(endpoint, cleared.ok().map(|cleared| cleared.count == CLEARED_PER_STEP))
        });
    }
}
