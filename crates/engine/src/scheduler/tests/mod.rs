//! What a lane does at a given moment. The laws over whole runs are in the simulation.

mod batching;
mod configuring;
mod ownership;
mod resend;
mod turns;
mod window;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ringback_model::{Breaker, Class, Message, MessageNo, Priority, Trigger};
use ringback_store::{QueueNo, Taken};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn policy() -> LanePolicy {
    LanePolicy {
        app: AppNo(1),
        concurrency: 2,
        rate: None,
        app_rate: None,
        gate: None,
        pauses_when_exhausted: false,
        batch: None,
    }
}

fn due(no: i64, endpoint: i64, class: Class, queue: Option<i64>) -> Due {
    let message = Message {
        no: MessageNo(no),
        app: AppNo(1),
        id: ringback_model::Id::from_bytes([0; 20]),
        event_type: "sms.dlr".into(),
        event_id: None,
        channels: Vec::new(),
        tags: Vec::new(),
        payload: Some(Bytes::from_static(b"{}")),
        raw: None,
        raw_content_type: None,
        ordering_key: None,
        occurred_at: None,
        callback_url: None,
        deliver_at: None,
        deliver_until: None,
        accepted_at: NOW,
        expires_at: Timestamp::MAX,
    };
    Due {
        message: Arc::new(message),
        endpoint: EndpointNo(endpoint),
        trigger: Trigger::Scheduled,
        priority: Priority::new(class, false),
        due: NOW,
        queue: queue.map(QueueNo),
        tries: 0,
        unsent: 0,
        held_since: None,
    }
}

fn plain(no: i64, endpoint: i64) -> Due {
    due(no, endpoint, Class::Transactional, None)
}

fn by_hand(no: i64, endpoint: i64, at: Timestamp) -> Due {
    Due { trigger: Trigger::Manual, due: at, ..plain(no, endpoint) }
}

/// A scheduler and what it asked for.
struct Bench {
    scheduler: Scheduler,
    actions: Vec<Action>,
    now: Timestamp,
}

impl Bench {
    fn new(limits: Limits, endpoints: &[(i64, LanePolicy)]) -> Self {
        let mut bench = Self { scheduler: Scheduler::new(limits), actions: Vec::new(), now: NOW };
        for (endpoint, policy) in endpoints {
            bench.tell(Event::Configured {
                endpoint: EndpointNo(*endpoint),
                policy: Some(policy.clone()),
                health: None,
            });
        }
        bench
    }

    fn tell(&mut self, event: Event) {
        self.scheduler.step(event, self.now, &mut self.actions);
    }

    /// Numbers of the messages that start now, with their endpoints.
    fn starts(&mut self) -> Vec<(i64, i64)> {
        self.scheduler.start(self.now, &mut self.actions);
        let started = |action: &Action| match action {
            Action::Start(due) => Some((due.message.no.0, due.endpoint.0)),
            Action::StartBatch(rows) => panic!("{rows:?} go together"),
            Action::Load(_) | Action::Follow(_) => None,
            Action::Configure { .. } | Action::Clear { .. } | Action::Forget { .. } => None,
        };
        let starts = self.actions.iter().filter_map(started).collect();
        self.actions.clear();
        starts
    }

    /// What is to be read now.
    fn loads(&mut self) -> Vec<Take> {
        self.scheduler.start(self.now, &mut self.actions);
        let loads = self.actions.drain(..).filter_map(|action| match action {
            Action::Load(take) => Some(take),
            Action::Start(_) | Action::StartBatch(_) | Action::Follow(_) => None,
            Action::Configure { .. } | Action::Clear { .. } | Action::Forget { .. } => None,
        });
        loads.collect()
    }

    fn configure(&mut self, endpoint: i64, policy: LanePolicy) {
        self.tell(Event::Configured { endpoint: EndpointNo(endpoint), policy: Some(policy), health: None });
    }

    fn answer(&mut self, no: i64, endpoint: i64, verdict: Verdict) {
        self.over(no, endpoint, Trigger::Scheduled, verdict);
    }

    fn answer_by_hand(&mut self, no: i64, endpoint: i64, verdict: Verdict) {
        self.over(no, endpoint, Trigger::Manual, verdict);
    }

    fn over(&mut self, no: i64, endpoint: i64, trigger: Trigger, verdict: Verdict) {
        let (endpoint, row) = (EndpointNo(endpoint), (MessageNo(no), trigger));
        self.tell(Event::Answered { endpoint, row, verdict, retry: None });
    }

    fn settle(&mut self, no: i64, endpoint: i64) {
        self.tell(Event::Settled { endpoint: EndpointNo(endpoint), row: (MessageNo(no), Trigger::Scheduled) });
    }

    fn settle_by_hand(&mut self, no: i64, endpoint: i64) {
        self.tell(Event::Settled { endpoint: EndpointNo(endpoint), row: (MessageNo(no), Trigger::Manual) });
    }
}

const FAILED: Verdict = Verdict::Failed { timed_out: false, overloaded: false };

#[test]
fn lanes_take_turns_however_much_each_has_waiting() {
    let limits = Limits { attempts: 4, ..Limits::default() };
    let mut bench =
        Bench::new(limits, &[(1, LanePolicy { concurrency: 10, ..policy() }), (2, policy()), (3, policy())]);
    bench.tell(Event::Due((0..50).map(|no| plain(no, 1)).chain([plain(50, 2), plain(51, 3)]).collect()));
    assert_eq!(bench.starts(), [(0, 1), (50, 2), (51, 3), (1, 1)]);
}

#[test]
fn a_place_is_free_when_the_answer_is_read_and_a_queue_when_it_is_durable() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    let queued = |no| due(no, 1, Class::Transactional, Some(7));
    bench.tell(Event::Due(vec![queued(1), plain(2, 1), plain(3, 1)]));
    assert_eq!(bench.starts(), [(1, 1), (2, 1)]);
    bench.answer(1, 1, Verdict::Delivered);
    bench.tell(Event::Due(vec![queued(4)]));
    assert_eq!(bench.starts(), [(3, 1)], "the queue of 4 is busy until 1 is durable");
    bench.answer(2, 1, Verdict::Delivered);
    assert_eq!(bench.starts(), []);
    bench.settle(1, 1);
    assert_eq!(bench.starts(), [(4, 1)]);
}

#[test]
fn a_lane_whose_receiver_timed_out_holds_one_place_until_it_answers() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 5, ..policy() })]);
    bench.tell(Event::Due((0..20).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.starts().len(), 5);
    (0..5).for_each(|no| bench.answer(no, 1, Verdict::Failed { timed_out: true, overloaded: false }));
    assert_eq!(bench.starts(), [(5, 1)]);
    bench.answer(5, 1, FAILED);
    assert_eq!(bench.starts().len(), 5, "any answer in time frees it");
}

#[test]
fn the_least_urgent_class_gets_a_twentieth_of_the_turns() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due((100..108).map(|no| due(no, 1, Class::Marketing, None)).collect()));
    let mut marketing = 0;
    for turn in 0..20 {
        bench.tell(Event::Due((0..2).map(|no| due(turn * 2 + no, 1, Class::Otp, None)).collect()));
        let (no, _) = bench.starts()[0];
        marketing += usize::from(no >= 100);
        bench.answer(no, 1, Verdict::Delivered);
        bench.settle(no, 1);
    }
    assert_eq!(marketing, 1);
}

#[test]
fn an_urgent_row_takes_the_place_of_one_that_can_wait() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due((0..100).map(|no| due(no, 1, Class::Marketing, None)).collect()));
    assert_eq!(bench.starts(), [(0, 1)]);
    bench.tell(Event::Due(vec![due(200, 1, Class::Otp, None)]));
    bench.answer(0, 1, Verdict::Delivered);
    assert_eq!(bench.starts(), [(200, 1)]);
}

#[test]
fn a_closed_gate_gives_the_rows_back_and_opening_it_reads_them_again() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Due((0..4).map(|no| plain(no, 1)).collect()));
    let paused = LanePolicy { gate: Some(Gate::Paused), ..policy() };
    bench.configure(1, paused);
    assert_eq!(bench.starts(), []);
    assert_eq!(bench.scheduler.load().rows, 0);
    bench.configure(1, policy());
    assert!(matches!(&bench.actions[..], [Action::Load(take)] if take.endpoint == EndpointNo(1) && take.limit == 16));
}

#[test]
fn a_row_that_settles_while_a_load_is_under_way_is_not_taken_in_again() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Missed);
    bench.starts();
    bench.tell(Event::Due(vec![plain(1, 1)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    // The load began before the row was settled, and has seen it as due.
    let taken = Taken { rows: vec![plain(1, 1), plain(2, 1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.starts(), [(2, 1)]);
}

#[test]
fn an_open_breaker_lets_one_probe_through_when_its_time_has_come() {
    let mut bench = Bench::new(Limits::default(), &[]);
    let breaker = Some(Breaker { probe_at: NOW + Duration::from_secs(5), wait: Duration::from_secs(5) });
    let health = Health { failing_since: Some(NOW), breaker, ..Health::default() };
    bench.tell(Event::Found { endpoint: EndpointNo(1), health });
    bench.configure(1, policy());
    let taken = Taken { rows: vec![plain(1, 1), plain(2, 1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.starts(), []);
    assert_eq!(bench.scheduler.next_wake(), Some(NOW + Duration::from_secs(5)));
    bench.now = NOW + Duration::from_secs(5);
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.answer(1, 1, Verdict::Delivered);
    assert_eq!(bench.starts(), [(2, 1)]);
}

#[test]
fn ten_answers_of_429_at_once_halve_the_rate_once() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 10, ..policy() })]);
    bench.tell(Event::Due((0..40).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.starts().len(), 10);
    (0..10).for_each(|no| bench.answer(no, 1, Verdict::Failed { timed_out: false, overloaded: true }));
    assert_eq!(bench.starts(), [], "an empty bucket");
    let wake = bench.scheduler.next_wake().expect("the lane goes on by itself");
    assert_eq!(wake, NOW + Duration::from_millis(200), "half of ten a second");
}
