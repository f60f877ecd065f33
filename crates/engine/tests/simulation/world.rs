//! The world of one seed: everything that takes time in the server is an event in one queue here.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use ringback_engine::scheduler::{Action, Event, Limits, Scheduler};
use ringback_model::{AttemptOutcome, Clock, EndpointNo, IdMaker, ManualClock, MessageNo, SeededRandom, Timestamp};
use ringback_store::backend::sqlite::{self, ApplyContext, Op};
use ringback_store::{Due, Follow, MasterKey, Take};
use rusqlite::Connection;

use crate::changes::Change;
use crate::laws::Laws;
use crate::plan::Plan;

pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// When all receivers are well again.
pub(crate) const MENDED_AFTER: Duration = Duration::from_secs(900);

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
    /// Deliveries that ended because their time was over, without an attempt.
    pub(crate) expired: u64,
    /// Attempts that somebody asked for.
    pub(crate) resends: u64,
    /// Requests of several messages.
    pub(crate) batches: u64,
    /// Messages that went in one request with one before them in their queue.
    pub(crate) followers: u64,
    /// Messages that were to go with others and stayed, because one before them could not.
    pub(crate) left: u64,
    /// The longest that a healthy endpoint has waited for its turn, in milliseconds.
    pub(crate) longest_wait: u64,
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
        self.expired += other.expired;
        self.resends += other.resends;
        self.batches += other.batches;
        self.followers += other.followers;
        self.left += other.left;
        self.longest_wait = self.longest_wait.max(other.longest_wait);
        self.trace ^= other.trace;
    }
}

/// What happens at some time.
#[derive(Debug)]
pub(crate) enum Happening {
    Post,
    /// Somebody asks for an attempt of something that was accepted.
    Resend,
    /// Somebody asks for the same once more.
    ResendOf(usize),
    Commit,
    Configured(EndpointNo, bool),
    Load(Take),
    Follow(Follow),
    Answer(Box<Request>),
    Crash,
    StepWall,
    /// A deleted endpoint has been so for a while.
    Deleted(EndpointNo),
    /// The owner of an endpoint changes something about it.
    Change(EndpointNo, Change),
    /// What has no time left is let go of.
    Expire,
    Tick,
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Request {
    /// What it was made for, each with what will come of it.
    pub(crate) rows: Vec<(Due, AttemptOutcome)>,
    /// What was to be in it, and stays as it is.
    pub(crate) left: Vec<Due>,
    pub(crate) started_at: Timestamp,
    /// What comes of the request, if any was made.
    pub(crate) outcome: Option<AttemptOutcome>,
    /// The scheduler asked for several rows at once.
    pub(crate) is_batch: bool,
}

pub(crate) struct World {
    seed: u64,
    tell: bool,
    pub(crate) plan: Plan,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ids: IdMaker,
    pub(crate) connection: Connection,
    pub(crate) context: ApplyContext,
    pub(crate) scheduler: Scheduler,
    pub(crate) laws: Laws,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    order: u64,
    /// Operations that wait for the next commit.
    pub(crate) waiting: Vec<Op>,
    pub(crate) commit_planned: bool,
    pub(crate) posted: u64,
    /// What was accepted, for whoever asks for it again.
    pub(crate) accepted: Vec<(MessageNo, EndpointNo)>,
    tick_at: Option<Timestamp>,
    pub(crate) recent: BTreeMap<EndpointNo, Vec<Timestamp>>,
    pub(crate) summary: Summary,
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
            scheduler: Scheduler::new(Limits { rows: 150, attempts: 12, ..Limits::default() }),
            laws: Laws::default(),
            agenda: BTreeMap::new(),
            order: 0,
            waiting: Vec::new(),
            commit_planned: false,
            posted: 0,
            accepted: Vec::new(),
            tick_at: None,
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
        }
        for _ in 0..8 {
            let at = world.random.below(span * 2);
            world.after(at, Happening::Resend);
        }
        for _ in 0..6 {
            let at = world.random.below(span * 2);
            world.after(at, Happening::Expire);
        }
        world.plan_changes(span);
        world
    }

    pub(crate) fn any_endpoint(&self) -> EndpointNo {
        self.plan.endpoints[self.random.below(self.plan.endpoints.len() as u64) as usize].no
    }

    pub(crate) fn after(&mut self, micros: u64, happening: Happening) {
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
        self.summary.longest_wait = u64::try_from(self.laws.longest_wait.as_millis()).unwrap_or(u64::MAX);
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
        self.nothing_is_pending();
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
            Happening::Configured(endpoint, with_health) => self.configured(endpoint, with_health, actions),
            Happening::Load(take) => {
                // The store cannot always be read.
                let taken = (self.random.below(40) != 0)
                    .then(|| sqlite::take(&self.connection, &take).expect("a store in memory can be read"));
                self.scheduler.step(Event::Loaded { endpoint: take.endpoint, taken }, now, actions);
            }
            Happening::Follow(follow) => {
                let found = (self.random.below(40) != 0)
                    .then(|| sqlite::follow(&self.connection, &follow).expect("a store in memory can be read"));
                self.scheduler.step(Event::Followed { endpoint: follow.endpoint, found }, now, actions);
            }
            Happening::Answer(answer) => self.answered(*answer, actions),
            Happening::Crash => self.crash(actions),
            Happening::StepWall => self.clock.step_wall(self.random.below(7_200_000_000) as i64 - 3_600_000_000),
            Happening::Resend => self.resend(),
            Happening::ResendOf(which) => self.resend_of(which),
            Happening::Deleted(endpoint) => assert_eq!(self.pending(Some(endpoint)), [], "it was deleted"),
            Happening::Change(endpoint, change) => self.change(endpoint, change, actions),
            Happening::Expire => self.expire(),
            Happening::Tick => self.tick_at = None,
        }
    }

    fn act(&mut self, actions: &mut Vec<Action>) {
        self.scheduler.start(self.clock.now(), actions);
        for action in std::mem::take(actions) {
            match action {
                Action::Start(due) => self.start(vec![due], false),
                Action::StartBatch(rows) => self.start(rows, true),
                Action::Load(take) => {
                    let wait = 20 + self.random.below(500);
                    self.after(wait, Happening::Load(take));
                }
                Action::Follow(follow) => {
                    let wait = 20 + self.random.below(500);
                    self.after(wait, Happening::Follow(follow));
                }
                Action::Configure { endpoint, with_health, .. } => {
                    let wait = 10 + self.random.below(200);
                    // What is read is what holds now; it arrives later.
                    self.plan.read(endpoint);
                    self.after(wait, Happening::Configured(endpoint, with_health));
                }
                Action::Clear { endpoint } => self.clear(endpoint),
                Action::Forget { endpoint } => self.laws.forgotten(endpoint, &self.plan),
            }
        }
        if let Some(at) = self.scheduler.next_wake()
            && self.tick_at.is_none_or(|planned| at < planned)
        {
            self.tick_at = Some(at);
            self.after(at.since(self.clock.now()).as_micros() as u64, Happening::Tick);
        }
    }

    /// The process dies and starts again: what was in memory is gone, what was committed is not.
    fn crash(&mut self, actions: &mut Vec<Action>) {
        self.summary.crashes += 1;
        self.agenda.retain(|_, happening| {
            matches!(
                happening,
                Happening::Crash
                    | Happening::StepWall
                    | Happening::Change(..)
                    | Happening::Post
                    | Happening::Resend
                    | Happening::ResendOf(_)
                    | Happening::Deleted(_)
                    | Happening::Expire
            )
        });
        // Messages that waited for their commit were never answered: their producer sends them again.
        let asked_for = |op: &Op| matches!(op, Op::Accept(_) | Op::Rearm(_));
        let unanswered = self.waiting.drain(..).filter(asked_for).collect::<Vec<_>>();
        (self.commit_planned, self.tick_at) = (false, None);
        self.scheduler = Scheduler::new(Limits { rows: 150, attempts: 12, ..Limits::default() });
        self.context = context(&self.connection, &self.random, &self.clock);
        self.plan.crashed();
        self.laws.crashed(self.clock.now());
        actions.clear();
        unanswered.into_iter().for_each(|op| self.enqueue(op));
        self.find(actions);
    }

    pub(crate) fn find(&mut self, actions: &mut Vec<Action>) {
        let found =
            sqlite::lanes(&self.connection, EndpointNo(0), usize::MAX >> 1).expect("a store in memory can be read");
        for lane in found {
            let event = Event::Found { endpoint: lane.endpoint, health: lane.health };
            self.scheduler.step(event, self.clock.now(), actions);
        }
    }
}
