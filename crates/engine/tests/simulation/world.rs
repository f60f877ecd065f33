//! The world of one seed: everything that takes time in the server is an event in one queue here.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_engine::Judgement;
use ringback_engine::scheduler::{Action, Event, Limits, Scheduler};
use ringback_model::{
    AppNo, AttemptOutcome, Class, Clock, DeliveryState, EndpointNo, Exchange, Failure, IdMaker, ManualClock, MessageNo,
    NotSent, Ordering, Priority, Random, SeededRandom, Timestamp,
};
use ringback_store::backend::sqlite::{self, ApplyContext, Op, OpResult};
use ringback_store::{
    Accept, Accepted, Committed, Due, Finish, MasterKey, NewAttempt, NewMessage, QueueNo, Step, Take, Target,
};
use rusqlite::Connection;

use crate::laws::Laws;
use crate::plan::{Manner, Plan, TIMEOUT};

const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// When all receivers are well again.
const MENDED_AFTER: Duration = Duration::from_secs(900);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) accepted: u64,
    pub(crate) deliveries: u64,
    pub(crate) queued: u64,
    pub(crate) attempts: u64,
    pub(crate) failed_attempts: u64,
    pub(crate) ended_well: u64,
    pub(crate) ended_badly: u64,
    pub(crate) crashes: u64,
    pub(crate) trace: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.deliveries += other.deliveries;
        self.queued += other.queued;
        self.attempts += other.attempts;
        self.failed_attempts += other.failed_attempts;
        self.ended_well += other.ended_well;
        self.ended_badly += other.ended_badly;
        self.crashes += other.crashes;
        self.trace ^= other.trace;
    }
}

/// What happens at some time.
#[derive(Debug)]
enum Happening {
    Post,
    Commit,
    Configured(EndpointNo),
    Load(Take),
    Answer(Box<(Due, Timestamp, AttemptOutcome)>),
    Crash,
    StepWall,
    /// An endpoint is paused, or goes on.
    Pause(EndpointNo, bool),
    Tick,
}

pub(crate) struct World {
    seed: u64,
    tell: bool,
    plan: Plan,
    random: Arc<SeededRandom>,
    clock: Arc<ManualClock>,
    ids: IdMaker,
    connection: Connection,
    context: ApplyContext,
    scheduler: Scheduler,
    laws: Laws,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    order: u64,
    /// Operations that wait for the next commit.
    waiting: Vec<Op>,
    commit_planned: bool,
    posted: u64,
    tick_at: Option<Timestamp>,
    paused: BTreeSet<EndpointNo>,
    recent: BTreeMap<EndpointNo, Vec<Timestamp>>,
    summary: Summary,
    trace: DefaultHasher,
}

fn context(connection: &Connection, random: &Arc<SeededRandom>, clock: &Arc<ManualClock>) -> ApplyContext {
    let key = MasterKey::from_bytes([7; 32]);
    ApplyContext::new(connection, key, random.clone(), clock.clone()).expect("a store in memory can be read")
}

impl World {
    pub(crate) fn new(seed: u64, tell: bool) -> Self {
        let random = Arc::new(SeededRandom::new(seed));
        let clock = Arc::new(ManualClock::new(START));
        let plan = Plan::new(&random);
        let connection = sqlite::open_in_memory().expect("a store in memory opens");
        let context = context(&connection, &random, &clock);
        let mut world = Self {
            seed,
            tell,
            plan,
            random,
            clock,
            ids: IdMaker::new(),
            connection,
            context,
            scheduler: Scheduler::new(Limits { rows: 150, attempts: 60, ..Limits::default() }),
            laws: Laws::default(),
            agenda: BTreeMap::new(),
            order: 0,
            waiting: Vec::new(),
            commit_planned: false,
            posted: 0,
            tick_at: None,
            paused: BTreeSet::new(),
            recent: BTreeMap::new(),
            summary: Summary::default(),
            trace: DefaultHasher::new(),
        };
        world.after(0, Happening::Post);
        let span = world.plan.gap * world.plan.messages;
        for _ in 0..world.plan.crashes {
            let at = world.random.below(span * 2);
            world.after(at, Happening::Crash);
            let at = world.random.below(span);
            world.after(at, Happening::StepWall);
            let (endpoint, at) = (world.any_endpoint(), world.random.below(span));
            world.after(at, Happening::Pause(endpoint, true));
            world.after(at + world.random.below(5_000_000), Happening::Pause(endpoint, false));
        }
        world
    }

    fn any_endpoint(&self) -> EndpointNo {
        self.plan.endpoints[self.random.below(self.plan.endpoints.len() as u64) as usize].no
    }

    fn after(&mut self, micros: u64, happening: Happening) {
        self.order += 1;
        self.agenda.insert((self.clock.now() + Duration::from_micros(micros), self.order), happening);
    }

    /// Lives until nothing more can happen, and gives account.
    pub(crate) fn run(mut self) -> Summary {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.live()));
        if let Err(panic) = panicked {
            eprintln!("seed {} broke a law at {}; run it alone with RINGBACK_SIM_SEED", self.seed, self.clock.now());
            std::panic::resume_unwind(panic);
        }
        self.summary.trace = self.trace.finish();
        self.summary
    }

    fn live(&mut self) {
        let mut actions = Vec::new();
        self.find(&mut actions);
        self.act(&mut actions);
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            self.clock.set(at);
            self.note(&happening);
            self.happen(happening, &mut actions);
            self.act(&mut actions);
            assert!(
                self.clock.now() < START + Duration::from_secs(40_000),
                "it never ends: {:?}",
                self.scheduler.load()
            );
        }
        assert!(self.laws.open.is_empty(), "forgotten: {:?} {:?}", self.laws.open, self.scheduler.load());
        let load = self.scheduler.load();
        assert_eq!((load.running, load.uncommitted, load.rows, load.bytes, self.laws.running()), (0, 0, 0, 0, 0));
    }

    fn note(&mut self, happening: &Happening) {
        let text = format!("{} {happening:?}", self.clock.now());
        text.hash(&mut self.trace);
        if self.tell {
            println!("{text}");
        }
    }

    fn happen(&mut self, happening: Happening, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        match happening {
            Happening::Post => self.post(),
            Happening::Commit => self.commit(actions),
            Happening::Configured(endpoint) => {
                let mut policy = self.plan.endpoint(endpoint).policy.clone();
                policy.gate = self.paused.contains(&endpoint).then_some(ringback_model::Gate::Paused);
                self.scheduler.step(Event::Configured { endpoint, policy: Some(policy) }, now, actions);
            }
            Happening::Load(take) => {
                let taken = sqlite::take(&self.connection, &take).expect("a store in memory can be read");
                self.scheduler.step(Event::Loaded { endpoint: take.endpoint, taken: Some(taken) }, now, actions);
            }
            Happening::Answer(answer) => self.answered(*answer, actions),
            Happening::Crash => self.crash(actions),
            Happening::StepWall => self.clock.step_wall(self.random.below(7_200_000_000) as i64 - 3_600_000_000),
            Happening::Pause(endpoint, paused) => {
                if paused {
                    self.paused.insert(endpoint)
                } else {
                    self.paused.remove(&endpoint)
                };
                let app = self.plan.endpoint(endpoint).app;
                self.scheduler.step(Event::Changed(app), now, actions);
            }
            Happening::Tick => self.tick_at = None,
        }
    }

    fn post(&mut self) {
        let now = self.clock.now();
        let app = AppNo(1 + self.random.below(3) as i64);
        let key = self.random.below(4) as i64 + 1;
        let share = 1 + self.random.below(3);
        let targets: Vec<Target> = self
            .plan
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.app == app && self.random.below(4) < share)
            .map(|endpoint| Target {
                endpoint: endpoint.no,
                queue: match endpoint.ordering {
                    Ordering::None => None,
                    Ordering::PerKey => Some(QueueNo(key)),
                    Ordering::Fifo => Some(QueueNo(0)),
                },
            })
            .collect();
        let class =
            [Class::Otp, Class::Notification, Class::Transactional, Class::Marketing][self.random.below(4) as usize];
        self.enqueue(Op::Accept(Accept {
            app,
            app_version: 0,
            message: NewMessage {
                id: self.ids.make(now, &*self.random),
                event_type: "sms.dlr".to_owned(),
                event_id: None,
                channels: Vec::new(),
                payload: Bytes::from(format!("{{\"n\":{},\"key\":{key}}}", self.posted)),
                raw: None,
                raw_content_type: None,
                ordering_key: None,
                occurred_at: None,
                accepted_at: now,
                expires_at: Timestamp::MAX,
            },
            priority: Priority::new(class, self.random.below(2) == 0),
            targets,
            idempotency: None,
        }));
        self.posted += 1;
        if self.posted < self.plan.messages {
            let gap = self.random.below(self.plan.gap * 2);
            self.after(gap, Happening::Post);
        }
    }

    fn enqueue(&mut self, op: Op) {
        self.waiting.push(op);
        if !self.commit_planned {
            self.commit_planned = true;
            let wait = 50 + self.random.below(2_000);
            self.after(wait, Happening::Commit);
        }
    }

    /// What waits becomes durable, all of it at once, and the feed tells.
    fn commit(&mut self, actions: &mut Vec<Action>) {
        self.commit_planned = false;
        let ops = std::mem::take(&mut self.waiting);
        let (results, committed) = sqlite::apply(&mut self.connection, &mut self.context, &ops);
        for (op, result) in ops.iter().zip(results) {
            match (op, result) {
                (Op::Accept(accept), OpResult::Accept(Ok(Accepted::New { no }))) => self.accepted(accept, no),
                (Op::Finish(finish), OpResult::Finish(Ok(_))) => {
                    if let Step::End { state, .. } = finish.step {
                        self.laws.ended(finish.message, finish.endpoint);
                        let well = state == DeliveryState::Success;
                        self.summary.ended_well += u64::from(well);
                        self.summary.ended_badly += u64::from(!well);
                    }
                }
                (op, result) => panic!("{op:?} came to {result:?}"),
            }
        }
        self.told(committed, actions);
    }

    fn accepted(&mut self, accept: &Accept, no: MessageNo) {
        self.summary.accepted += 1;
        for target in &accept.targets {
            self.summary.deliveries += 1;
            self.summary.queued += u64::from(target.queue.is_some());
            // The account keeps the queue that the endpoint asks for, whatever the code under test makes of it.
            let endpoint = self.plan.endpoint(target.endpoint);
            let key = accept.message.payload.iter().rev().nth(1).map_or(0, |digit| i64::from(digit - b'0'));
            let queue = match endpoint.ordering {
                Ordering::None => None,
                Ordering::PerKey => Some(QueueNo(key)),
                Ordering::Fifo => Some(QueueNo(0)),
            };
            self.laws.accepted(no, target.endpoint, queue);
        }
    }

    fn told(&mut self, committed: Committed, actions: &mut Vec<Action>) {
        let now = self.clock.now();
        for settled in committed.settled {
            let event = Event::Settled { endpoint: settled.endpoint, row: (settled.message, settled.trigger) };
            self.scheduler.step(event, now, actions);
        }
        // Sometimes the engine is far behind and is told only that it missed something.
        if self.random.below(50) == 0 {
            self.scheduler.step(Event::Missed, now, actions);
            self.find(actions);
        } else {
            self.scheduler.step(Event::Due(committed.due), now, actions);
        }
    }

    fn act(&mut self, actions: &mut Vec<Action>) {
        self.scheduler.start(self.clock.now(), actions);
        for action in std::mem::take(actions) {
            match action {
                Action::Start(due) => self.start(due),
                Action::Load(take) => {
                    let wait = 20 + self.random.below(500);
                    self.after(wait, Happening::Load(take));
                }
                Action::Configure { endpoint, .. } => {
                    let wait = 10 + self.random.below(200);
                    self.after(wait, Happening::Configured(endpoint));
                }
                Action::Clear { endpoint } => panic!("nothing was deleted, and {endpoint:?} is to be cleared"),
            }
        }
        if let Some(at) = self.scheduler.next_wake()
            && self.tick_at.is_none_or(|planned| at < planned)
        {
            self.tick_at = Some(at);
            self.after(at.since(self.clock.now()).as_micros() as u64, Happening::Tick);
        }
    }

    /// The receiver's part: when it answers, and what.
    fn start(&mut self, due: Due) {
        let now = self.clock.now();
        assert!(!self.paused.contains(&due.endpoint) || self.recently_paused(), "sent to a paused endpoint");
        self.laws.started(&due, &self.plan, now);
        let recent = self.recent.entry(due.endpoint).or_default();
        recent.retain(|at| now.since(*at) < Duration::from_secs(1));
        recent.push(now);
        let in_a_second = recent.len();
        let status = |code| AttemptOutcome::Failed { why: Failure::Status(code), retry_after: None };
        let quick = 200 + self.random.below(20_000);
        let manner = match self.plan.endpoint(due.endpoint).manner {
            // In the end every receiver is mended, or a breaker would make the run as long as its probes are far apart.
            _ if now > START + MENDED_AFTER => Manner::Good,
            manner => manner,
        };
        let (micros, outcome) = match manner {
            Manner::Good => (quick, AttemptOutcome::Delivered),
            Manner::Flaky(percent) if self.random.below(100) < percent => (quick, status(500)),
            Manner::Flaky(_) => (quick, AttemptOutcome::Delivered),
            Manner::Slow(ms) => match self.random.below(ms * 1_000) {
                late if late > TIMEOUT.as_micros() as u64 => {
                    (TIMEOUT.as_micros() as u64, AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None })
                }
                slow => (slow, AttemptOutcome::Delivered),
            },
            Manner::Dead if self.random.below(4) == 0 => (10, AttemptOutcome::NotSent { why: NotSent::Dns }),
            Manner::Dead => (quick, status(500)),
            Manner::Hung => {
                (TIMEOUT.as_micros() as u64, AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None })
            }
            Manner::Strict(most) if in_a_second > most => (quick, status(429)),
            Manner::Strict(_) => (quick, AttemptOutcome::Delivered),
        };
        self.after(micros, Happening::Answer(Box::new((due, now, outcome))));
    }

    /// A change of configuration takes a moment to reach the engine.
    fn recently_paused(&self) -> bool {
        self.agenda.values().any(|happening| matches!(happening, Happening::Configured(_)))
    }

    /// The executor's part and the pump's: judge, free the place, hand the outcome to the store.
    fn answered(&mut self, (due, started_at, outcome): (Due, Timestamp, AttemptOutcome), actions: &mut Vec<Action>) {
        let now = self.clock.now();
        self.laws.answered(&due);
        self.summary.attempts += 1;
        self.summary.failed_attempts += u64::from(outcome != AttemptOutcome::Delivered);
        let endpoint = due.endpoint;
        let policy = &self.plan.endpoint(endpoint).retry;
        let judgement = Judgement::of(&due, policy, &outcome, now, self.random.fraction());
        let before = self.scheduler.health(endpoint);
        let row = (due.message.no, due.trigger);
        let event = Event::Answered { endpoint, row, verdict: judgement.verdict, retry: judgement.retry() };
        self.scheduler.step(event, now, actions);
        let health = self.scheduler.health(endpoint);
        self.enqueue(Op::Finish(Finish {
            message: due.message.no,
            endpoint,
            attempt: NewAttempt {
                id: self.ids.make(now, &*self.random),
                started_at,
                trigger: due.trigger,
                outcome,
                url: "http://receiver.example/".into(),
                exchange: Exchange::default(),
            },
            step: judgement.step,
            health: health.differs_durably(&before).then_some(health),
        }));
    }

    /// The process dies and starts again: what was in memory is gone, what was committed is not.
    fn crash(&mut self, actions: &mut Vec<Action>) {
        self.summary.crashes += 1;
        self.agenda.retain(|_, happening| {
            matches!(happening, Happening::Crash | Happening::StepWall | Happening::Pause(..) | Happening::Post)
        });
        // Messages that waited for their commit were never answered: their producer sends them again.
        let unanswered = self.waiting.drain(..).filter(|op| matches!(op, Op::Accept(_))).collect::<Vec<_>>();
        (self.commit_planned, self.tick_at) = (false, None);
        self.scheduler = Scheduler::new(Limits { rows: 150, attempts: 60, ..Limits::default() });
        self.context = context(&self.connection, &self.random, &self.clock);
        self.laws.crashed();
        actions.clear();
        unanswered.into_iter().for_each(|op| self.enqueue(op));
        self.find(actions);
    }

    fn find(&mut self, actions: &mut Vec<Action>) {
        let found =
            sqlite::lanes(&self.connection, EndpointNo(0), usize::MAX >> 1).expect("a store in memory can be read");
        for lane in found {
            let event = Event::Found { endpoint: lane.endpoint, health: lane.health };
            self.scheduler.step(event, self.clock.now(), actions);
        }
    }
}
