//! What a seed stands for: applications, endpoints and the manners of their receivers.

use std::time::Duration;

use ringback_engine::scheduler::LanePolicy;
use ringback_model::{AppNo, EndpointNo, Ordering, RetryPolicy, SeededRandom};

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
    pub(crate) policy: LanePolicy,
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
}

pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
const APPS: i64 = 3;

impl Plan {
    pub(crate) fn new(random: &SeededRandom) -> Self {
        let app_rates: Vec<Option<u16>> =
            (0..APPS).map(|_| (random.below(4) == 0).then(|| 20 + random.below(100) as u16)).collect();
        let endpoints = (0..20 + random.below(4) as i64)
            .map(|i| {
                let app = i % APPS;
                endpoint(random, EndpointNo(1_000 + i), AppNo(1 + app), app_rates[app as usize])
            })
            .collect();
        Self { endpoints, messages: 300 + random.below(60), gap: 1 << (9 + random.below(9)), crashes: random.below(4) }
    }

    pub(crate) fn endpoint(&self, no: EndpointNo) -> &PlannedEndpoint {
        &self.endpoints[(no.0 - 1_000) as usize]
    }
}

fn endpoint(random: &SeededRandom, no: EndpointNo, app: AppNo, app_rate: Option<u16>) -> PlannedEndpoint {
    let manner = match random.below(10) {
        0..=3 => Manner::Good,
        4 | 5 => Manner::Flaky(10 + random.below(60)),
        6 => Manner::Slow(50 + random.below(2_500)),
        7 => Manner::Dead,
        8 => Manner::Hung,
        _ => Manner::Strict(1 + random.below(10) as usize),
    };
    let ordering = match random.below(4) {
        0 => Ordering::PerKey,
        1 => Ordering::Fifo,
        _ => Ordering::None,
    };
    let concurrency = if ordering == Ordering::Fifo { 1 } else { 1 + random.below(10) as u16 };
    let rate = (random.below(5) == 0).then(|| 1 + random.below(50) as u16);
    let policy = LanePolicy { app, concurrency, rate, app_rate, gate: None, pauses_when_exhausted: false };
    let delays = (0..random.below(5)).map(|i| Duration::from_millis((50 + random.below(400)) << (i * 2))).collect();
    PlannedEndpoint { no, app, manner, ordering, policy, retry: RetryPolicy::new(delays) }
}
