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
    Clear, Committed, Directory, Due, Feed, Finish, LaneStart, NewAttempt, Step, Store, StoreError, Taken,
};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::executor::{Answer, Executor};
use crate::gatekeeper::{self, Measure};
use crate::route::Route;
use crate::scheduler::{Action, Event, LanePolicy, Limits, Scheduler};
use crate::transport::Transport;

/// Endpoints found at a time at a start.
const LANES_PER_LOOK: usize = 1_000;
/// Deliveries of a deleted endpoint that are ended at a time.
const CLEARED_PER_STEP: usize = 500;
/// An endpoint that has failed for so long is disabled.
const FAILING_TOO_LONG: Duration = Duration::from_secs(5 * 24 * 3_600);
/// How long the pump waits before it asks a store again that could not answer.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
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
}

impl Engine {
    /// Starts an engine on the current runtime.
    #[must_use]
    pub fn start(options: EngineOptions) -> Self {
        let (stop, abort) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (done, stopped) = oneshot::channel();
        let pump = Pump::new(options);
        let (stop_of_pump, abort_of_pump) = (stop.clone(), abort.clone());
        drop(tokio::spawn(async move {
            pump.run(&stop_of_pump, &abort_of_pump).await;
            // Whoever waits for it may have gone.
            done.send(()).unwrap_or(());
        }));
        Self { stop, abort, stopped }
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
    Configured(EndpointNo, Option<(LanePolicy, Arc<Route>)>),
    Loaded(EndpointNo, Option<Taken>),
    Cleared(EndpointNo, bool),
    Measured(EndpointNo),
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
    /// Endpoints that a measure is being taken against.
    measured: HashSet<EndpointNo>,
    tasks: JoinSet<Done>,
    actions: Vec<Action>,
    swept_at: Timestamp,
    stopping: bool,
}

impl Pump {
    fn new(options: EngineOptions) -> Self {
        let EngineOptions { store, directory, feed, transport, clock, random, retry } = options;
        let executor = Arc::new(Executor { transport, clock: clock.clone(), random, ids: IdMaker::new() });
        Self {
            store,
            directory,
            feed,
            clock,
            retry,
            executor,
            scheduler: Scheduler::new(Limits::default()),
            routes: HashMap::new(),
            measured: HashSet::new(),
            tasks: JoinSet::new(),
            actions: Vec::new(),
            swept_at: Timestamp::MIN,
            stopping: false,
        }
    }

    async fn run(mut self, stop: &Notify, abort: &Notify) {
        self.find(EndpointNo(0));
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
                self.find(EndpointNo(0));
            }
            self.act();
            self.sweep();
            let load = self.scheduler.load();
            if self.stopping && load.running == 0 && load.uncommitted == 0 {
                break;
            }
        }
        self.tasks.shutdown().await;
        self.executor.transport.close_idle();
    }

    fn sweep(&mut self) {
        let now = self.clock.now();
        if now.since(self.swept_at) >= SWEEP || self.swept_at == Timestamp::MIN {
            self.swept_at = now;
            self.executor.transport.sweep();
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
            self.tell(Event::Settled { endpoint: settled.endpoint, row: (settled.message, settled.trigger) });
        }
        for app in committed.changed {
            self.directory.forget(app);
            self.tell(Event::Changed(app));
        }
        if !committed.due.is_empty() {
            self.tell(Event::Due(committed.due));
        }
    }

    fn done(&mut self, done: Result<Done, tokio::task::JoinError>) {
        match done {
            Ok(Done::Answer(answer)) => self.answered(*answer),
            Ok(Done::Found(found)) => self.found(&found),
            Ok(Done::Configured(endpoint, configured)) => {
                let policy = configured.map(|(policy, route)| {
                    let version = route.config.version;
                    let old = self.routes.insert(endpoint, route);
                    if old.is_some_and(|old| old.config.version != version) {
                        self.executor.transport.forget(endpoint);
                    }
                    policy
                });
                self.tell(Event::Configured { endpoint, policy });
            }
            Ok(Done::Loaded(endpoint, taken)) => self.tell(Event::Loaded { endpoint, taken }),
            Ok(Done::Cleared(endpoint, more)) => {
                if !more {
                    self.routes.remove(&endpoint);
                }
                self.tell(Event::Cleared { endpoint, more });
            }
            Ok(Done::Measured(endpoint)) => {
                self.measured.remove(&endpoint);
            }
            // Attempts catch their own panics; nothing else in these tasks can.
            Err(error) => tracing::error!(%error, "a task of the engine ended badly"),
        }
    }

    /// The exchange is over: frees its place, and hands what came of it to the store.
    fn answered(&mut self, answer: Answer) {
        let Answer { due, route, attempt, judgement } = answer;
        let (endpoint, app) = (due.endpoint, due.message.app);
        let before = self.scheduler.health(endpoint);
        let row = (due.message.no, due.trigger);
        self.tell(Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() });
        let health = self.scheduler.health(endpoint);
        if let Some(measure) = self.measure(endpoint, &attempt.outcome, judgement.step, health.failing_since) {
            self.take_measure(measure, app, endpoint);
        }
        log(&due, &route, &attempt, judgement.step);
        let finish = Finish {
            message: due.message.no,
            endpoint,
            attempt,
            step: judgement.step,
            health: health.differs_durably(&before).then_some(health),
        };
        // The feed tells when it is durable.
        drop(self.store.finish(finish));
    }

    fn measure(
        &self,
        endpoint: EndpointNo,
        outcome: &AttemptOutcome,
        step: Step,
        failing_since: Option<Timestamp>,
    ) -> Option<Measure> {
        if matches!(outcome, AttemptOutcome::Failed { why: Failure::Status(410), .. }) {
            return Some(Measure::DisableGone);
        }
        if failing_since.is_some_and(|since| self.clock.now().since(since) >= FAILING_TOO_LONG) {
            return Some(Measure::DisableFailing);
        }
        let given_up = matches!(step, Step::End { state: DeliveryState::Fail, .. });
        (given_up && self.scheduler.pauses_when_exhausted(endpoint)).then_some(Measure::Pause)
    }

    fn take_measure(&mut self, measure: Measure, app: AppNo, endpoint: EndpointNo) {
        if !self.measured.insert(endpoint) {
            return;
        }
        let (store, directory, clock) = (self.store.clone(), self.directory.clone(), self.clock.clone());
        self.tasks.spawn(async move {
            if let Err(error) = gatekeeper::take(measure, store, directory, clock, app, endpoint).await {
                tracing::error!(?error, ?measure, "an endpoint could not be stopped; the next failure tries again");
            }
            Done::Measured(endpoint)
        });
    }

    fn found(&mut self, found: &[LaneStart]) {
        for lane in found {
            self.tell(Event::Found { endpoint: lane.endpoint, health: lane.health });
        }
        if found.len() == LANES_PER_LOOK
            && let Some(last) = found.last()
        {
            self.find(last.endpoint);
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
                Action::Configure { endpoint, app } => self.configure(endpoint, app),
                Action::Clear { endpoint } => self.clear(endpoint),
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

    fn configure(&mut self, endpoint: EndpointNo, app: Option<AppNo>) {
        let (store, directory, retry) = (self.store.clone(), self.directory.clone(), self.retry.clone());
        self.tasks.spawn(async move {
            match configure(&*store, &directory, &retry, endpoint, app).await {
                Ok(configured) => Done::Configured(endpoint, configured),
                Err(error) => {
                    tracing::error!(?error, "an endpoint's configuration could not be read");
                    Done::Configured(endpoint, None)
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
        });
        self.tasks.spawn(async move {
            let more = reply.await.is_ok_and(|cleared| cleared.count == CLEARED_PER_STEP);
            Done::Cleared(endpoint, more)
        });
    }
}

/// What an endpoint wants and how to reach it; `None` if it never was or cannot be used.
async fn configure(
    store: &dyn Store,
    directory: &Directory,
    retry: &RetryPolicy,
    endpoint: EndpointNo,
    app: Option<AppNo>,
) -> Result<Option<(LanePolicy, Arc<Route>)>, StoreError> {
    let app = match app {
        Some(app) => app,
        None => match store.document(endpoint.0).await? {
            Some(document) => AppNo(document.parent),
            None => return Ok(None),
        },
    };
    let Some(config) = directory.endpoint(app, endpoint).await? else { return Ok(None) };
    let app = directory.app(app).await?;
    let app_rate = app.as_ref().and_then(|app| app.application.throttle_rate);
    // A deleted application takes its endpoints with it.
    let deleted = config.deleted || app.is_none();
    let policy = LanePolicy::new(config.app, app_rate, &config.endpoint, deleted);
    match Route::new(config, retry) {
        Ok(route) => Ok(Some((policy, Arc::new(route)))),
        Err(error) => {
            tracing::error!(?error, endpoint = endpoint.0, "an endpoint's stored configuration cannot be used");
            Ok(None)
        }
    }
}

/// One line for each attempt: those that were delivered at `debug`, the others at `info`. The receiver's words and the
/// payload are not in it, nor is any part of a secret: of the URL only the host is told.
fn log(due: &Due, route: &Route, attempt: &NewAttempt, step: Step) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "ringback::attempt",
                msg = %due.message.id,
                endpoint = %route.config.endpoint.id,
                attempt = %attempt.id,
                host = %route.target.host(),
                trigger = ?attempt.trigger,
                tries = due.tries + 1,
                status = attempt.exchange.status,
                ms = attempt.exchange.phases.total.as_secs_f64() * 1e3,
                next = ?step,
                "{}",
                attempt.outcome,
            )
        };
    }
    match attempt.outcome {
        AttemptOutcome::Delivered => line!(debug),
        AttemptOutcome::Failed { .. } | AttemptOutcome::NotSent { .. } => line!(info),
    }
}
