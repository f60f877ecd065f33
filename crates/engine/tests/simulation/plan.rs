//! What a seed stands for: applications, endpoints and the manners of their receivers.

use std::time::Duration;

use ringback_engine::scheduler::LanePolicy;
use ringback_model::{AppNo, Batching, EndpointNo, Ordering, RetryPolicy, SeededRandom};

/// How a receiver behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Answers 200.
    Good,
    /// Answers 500 to this many of 100 requests.
    Flaky(u64),
    /// Answers 200 after up to so many milliseconds, sometimes too late.
    Slow(u64),
    /// Answers 500 to everything.
    Dead,
    /// Answers nothing: every attempt times out.
    Hung,
    /// Answers 429 when it gets more than so many requests in a second.
    Strict(usize),
}

/// One endpoint of the plan.
#[derive(Clone, Debug)]
pub(crate) struct PlannedEndpoint {
    pub(crate) no: EndpointNo,
    pub(crate) app: AppNo,
    pub(crate) manner: Manner,
    pub(crate) ordering: Ordering,
    /// What its owner wants at present.
    pub(crate) wants: LanePolicy,
    /// Whether it has asked for anything else since the beginning, or its application has.
    pub(crate) was_changed: bool,
    /// What was read of that and has not reached the engine yet.
    read: Option<LanePolicy>,
    pub(crate) retry: RetryPolicy,
}

/// The plan of a seed.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) endpoints: Vec<PlannedEndpoint>,
    pub(crate) messages: u64,
    /// Mean microseconds between two messages.
    pub(crate) gap: u64,
    pub(crate) crashes: u64,
    /// Whether the engine falls so far behind now and then that it is told only that it missed something: then it looks
    /// for everything, which also mends what it would have lost.
    pub(crate) misses: bool,
}

pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
const APPS: i64 = 3;

impl Plan {
    pub(crate) fn new(random: &SeededRandom) -> Self {
        let app_rates: Vec<Option<u16>> = (0..APPS).map(|_| app_rate(random)).collect();
        // Now and then more hang than there are places.
        let crowded = random.below(4) == 0;
        let endpoints = (0..20 + random.below(4) as i64)
            .map(|i| {
                let app = i % APPS;
                endpoint(random, crowded, EndpointNo(1_000 + i), AppNo(1 + app), app_rates[app as usize])
            })
            .collect();
        Self {
            endpoints,
            messages: 300 + random.below(12),
            gap: 1 << (9 + random.below(9)),
            crashes: random.below(4),
            misses: random.below(3) == 0,
        }
    }

    pub(crate) fn endpoint(&self, no: EndpointNo) -> &PlannedEndpoint {
        &self.endpoints[(no.0 - 1_000) as usize]
    }

    pub(crate) fn endpoint_mut(&mut self, no: EndpointNo) -> &mut PlannedEndpoint {
        &mut self.endpoints[(no.0 - 1_000) as usize]
    }

    /// The engine reads what an endpoint wants.
    pub(crate) fn read(&mut self, no: EndpointNo) {
        let endpoint = self.endpoint_mut(no);
        endpoint.read = Some(endpoint.wants.clone());
    }

    /// What was read reaches the engine.
    pub(crate) fn arrives(&mut self, no: EndpointNo) -> Option<LanePolicy> {
        self.endpoint_mut(no).read.take()
    }

    /// The engine is gone, and with it what it was reading.
    pub(crate) fn crashed(&mut self) {
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.read = None);
    }
}

pub(crate) fn app_rate(random: &SeededRandom) -> Option<u16> {
    (random.below(4) == 0).then(|| 20 + random.below(100) as u16)
}

pub(crate) fn ordering(random: &SeededRandom) -> Ordering {
    match random.below(4) {
        0 => Ordering::PerKey,
        1 => Ordering::Fifo,
        _ => Ordering::None,
    }
}

/// Concurrency and rate.
pub(crate) fn limits(random: &SeededRandom, ordering: Ordering) -> (u16, Option<u16>) {
    let concurrency = if ordering == Ordering::Fifo { 1 } else { 1 + random.below(10) as u16 };
    (concurrency, (random.below(5) == 0).then(|| 1 + random.below(50) as u16))
}

/// How an endpoint gathers messages, if it does.
pub(crate) fn batch(random: &SeededRandom) -> Option<Batching> {
    let max_wait_ms = if random.below(3) == 0 { 0 } else { random.below(2_000) as u32 };
    (random.below(3) == 0).then(|| Batching { max_messages: 2 + random.below(12) as u16, max_wait_ms })
}

fn endpoint(
    random: &SeededRandom,
    crowded: bool,
    no: EndpointNo,
    app: AppNo,
    app_rate: Option<u16>,
) -> PlannedEndpoint {
    let manner = match random.below(if crowded { 20 } else { 10 }) {
        0..=3 => Manner::Good,
        4 | 5 => Manner::Flaky(10 + random.below(60)),
        6 => Manner::Slow(50 + random.below(2_500)),
        7 => Manner::Dead,
        8 | 10.. => Manner::Hung,
        9 => Manner::Strict(1 + random.below(10) as usize),
    };
    let ordering = ordering(random);
    let (concurrency, rate) = limits(random, ordering);
    let batch = batch(random);
    let wants = LanePolicy { app, concurrency, rate, app_rate, gate: None, pauses_when_exhausted: false, batch };
    let delays = (0..random.below(5)).map(|i| Duration::from_millis((50 + random.below(400)) << (i * 2))).collect();
    PlannedEndpoint {
        no,
        app,
        manner,
        ordering,
        wants,
        was_changed: false,
        read: None,
        retry: RetryPolicy::new(delays),
    }
}
