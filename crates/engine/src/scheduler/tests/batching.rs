//! Endpoints that take several messages in one request.

use ringback_model::Batching;

use super::*;

fn gathers(max_messages: u16, max_wait_ms: u32) -> LanePolicy {
    LanePolicy { batch: Some(Batching { max_messages, max_wait_ms }), ..policy() }
}

impl Bench {
    /// The requests that start now: numbers of their messages.
    fn requests(&mut self) -> Vec<Vec<i64>> {
        self.scheduler.start(self.now, &mut self.actions);
        let rows = |rows: &[Due]| rows.iter().map(|due| due.message.no.0).collect();
        let requests = self.actions.drain(..).filter_map(|action| match action {
            Action::Start(due) => Some(rows(&[due])),
            Action::StartBatch(batch) => Some(rows(&batch)),
            Action::Load(_) | Action::Configure { .. } | Action::Clear { .. } | Action::Forget { .. } => None,
        });
        requests.collect()
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    fn answer_batch(&mut self, numbers: &[i64], verdict: Verdict, retry: Option<Timestamp>) {
        let rows = numbers.iter().map(|no| ((MessageNo(*no), Trigger::Scheduled), retry)).collect();
        self.tell(Event::BatchAnswered { endpoint: EndpointNo(1), rows, verdict });
    }

    fn settle_all(&mut self, numbers: &[i64]) {
        numbers.iter().for_each(|no| self.settle(*no, 1));
    }
}

#[test]
fn a_request_goes_when_as_many_are_due_as_it_takes() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(3, 1_000))]);
    bench.tell(Event::Due(vec![plain(2, 1), plain(1, 1)]));
    assert!(bench.requests().is_empty());
    bench.tell(Event::Due((3..9).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.requests(), [vec![1, 2, 3], vec![4, 5, 6]], "in the order of their numbers");
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.rows), (2, 8));
}

#[test]
fn a_request_goes_when_the_first_has_waited_for_its_time() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 500))]);
    bench.tell(Event::Due(vec![plain(1, 1)]));
    bench.pass(400);
    bench.tell(Event::Due(vec![Due { due: bench.now, ..plain(2, 1) }]));
    assert!(bench.requests().is_empty());
    assert_eq!(bench.scheduler.next_wake(), Some(NOW + Duration::from_millis(500)));
    bench.pass(100);
    assert_eq!(bench.requests(), [vec![1, 2]]);
    bench.tell(Event::Due(vec![Due { due: bench.now, ..plain(3, 1) }]));
    assert_eq!((bench.requests().len(), bench.scheduler.next_wake()), (0, Some(NOW + Duration::from_secs(1))));
}

#[test]
fn who_waits_for_nothing_gets_what_there_is() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 1, ..gathers(10, 0) })]);
    bench.tell(Event::Due(vec![plain(1, 1)]));
    assert_eq!(bench.requests(), [vec![1]]);
    bench.tell(Event::Due((2..6).map(|no| plain(no, 1)).collect()));
    assert!(bench.requests().is_empty(), "its place is taken");
    bench.answer(1, 1, Verdict::Delivered);
    assert_eq!(bench.requests(), [vec![2, 3, 4, 5]]);
}

#[test]
fn a_message_does_not_wait_until_its_time_is_over() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 10_000))]);
    let mut row = plain(1, 1);
    Arc::make_mut(&mut row.message).deliver_until = Some(NOW + Duration::from_secs(6));
    bench.tell(Event::Due(vec![row]));
    bench.requests();
    assert_eq!(bench.scheduler.next_wake(), Some(NOW + Duration::from_secs(3)));
}

#[test]
fn a_batch_holds_one_place_until_it_is_answered_and_its_rows_until_each_is_durable() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 1, ..gathers(2, 0) })]);
    bench.tell(Event::Due((1..7).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.requests(), [vec![1, 2]]);
    bench.answer_batch(&[1, 2], Verdict::Delivered, None);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows), (0, 2, 6));
    assert_eq!(bench.requests(), [vec![3, 4]]);
    bench.settle_all(&[1, 2]);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows), (1, 0, 4));
}

#[test]
fn what_failed_together_is_due_again_at_its_time_and_may_go_with_others() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(4, 0))]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1)]));
    assert_eq!(bench.requests(), [vec![1, 2]]);
    let again = NOW + Duration::from_secs(5);
    bench.answer_batch(&[1, 2], FAILED, Some(again));
    bench.settle_all(&[1, 2]);
    assert_eq!((bench.requests().len(), bench.scheduler.next_wake()), (0, Some(again)));
    bench.now = again;
    assert_eq!(bench.loads().len(), 1);
    let retried = |no| Due { due: again, tries: 1, ..plain(no, 1) };
    let rows = vec![retried(1), retried(2), Due { due: again, ..plain(9, 1) }];
    let taken = Taken { rows, more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.requests(), [vec![1, 2, 9]]);
}

#[test]
fn ten_failures_are_ten_requests_whatever_was_in_them() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 1, ..gathers(20, 0) })]);
    bench.tell(Event::Due((0..20).map(|no| plain(no, 1)).collect()));
    let sent = bench.requests().remove(0);
    assert_eq!(sent.len(), 20);
    bench.pass(60_000);
    bench.answer_batch(&sent, FAILED, None);
    assert_eq!(bench.scheduler.health(EndpointNo(1)).failures, 1);
}

#[test]
fn a_queue_has_one_row_in_a_batch() {
    let queued = |no, queue| due(no, 1, Class::Transactional, Some(queue));
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7), queued(2, 8), queued(3, 7), plain(4, 1)]));
    assert_eq!(bench.requests(), [vec![1, 2, 4]]);
    bench.answer_batch(&[1, 2, 4], Verdict::Delivered, None);
    assert!(bench.requests().is_empty(), "the queue of 3 is busy until 1 is durable");
    bench.settle_all(&[1]);
    assert_eq!(bench.requests(), [vec![3]]);
}

#[test]
fn what_somebody_asks_for_goes_alone_and_at_once() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(3, 10_000))]);
    bench.tell(Event::Due(vec![plain(1, 1), by_hand(5, 1, NOW), plain(2, 1)]));
    assert_eq!(bench.requests(), [vec![5]]);
    bench.tell(Event::Due(vec![plain(3, 1)]));
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
}

#[test]
fn a_receiver_that_hangs_is_tried_with_few() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(500, 0))]);
    bench.tell(Event::Due((0..1_000).map(|no| plain(no, 1)).collect()));
    let sent = bench.requests().remove(0);
    assert_eq!(sent.len(), 500);
    bench.answer_batch(&sent, Verdict::Failed { timed_out: true, overloaded: false }, None);
    bench.settle_all(&sent);
    bench.tell(Event::Due((2_000..3_000).map(|no| plain(no, 1)).collect()));
    let again = bench.requests();
    assert_eq!((again.len(), again[0].len()), (1, 64));
}

#[test]
fn a_lane_has_so_many_rows_under_way_whatever_its_cap() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 100, ..gathers(1_000, 0) })]);
    for from in [0, 10_000, 20_000, 30_000] {
        bench.tell(Event::Due((from..from + 1_000).map(|no| plain(no, 1)).collect()));
        bench.requests();
    }
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.rows), (2, 3_000));
}

#[test]
fn a_batch_is_closed_when_its_body_is_long_enough() {
    let long = |no| {
        let mut row = plain(no, 1);
        Arc::make_mut(&mut row.message).payload = Some(Bytes::from(vec![b'1'; 400 << 10]));
        row
    };
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(100, 10_000))]);
    bench.tell(Event::Due(vec![long(1), long(2)]));
    assert!(bench.requests().is_empty());
    bench.tell(Event::Due(vec![long(3)]));
    assert_eq!(bench.requests(), [vec![1, 2]]);
    bench.pass(10_000);
    assert_eq!(bench.requests(), [vec![3]]);
}

#[test]
fn when_memory_is_short_nobody_waits_for_more_rows() {
    let limits = Limits { rows: 6, ..Limits::default() };
    let mut bench = Bench::new(limits, &[(1, gathers(5, 60_000)), (2, policy())]);
    bench.tell(Event::Due((1..4).map(|no| plain(no, 1)).collect()));
    assert!(bench.requests().is_empty());
    bench.tell(Event::Due((10..13).map(|no| plain(no, 2)).collect()));
    assert_eq!(bench.requests(), [vec![10], vec![1, 2, 3], vec![11]]);
}

#[test]
fn what_is_cut_off_is_sent_again() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(3, 0))]);
    bench.tell(Event::Due((1..4).map(|no| plain(no, 1)).collect()));
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
    bench.tell(Event::CutOff);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows), (0, 0, 0));
    assert_eq!(bench.loads().len(), 1);
    let taken = Taken { rows: (1..4).map(|no| plain(no, 1)).collect(), more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
}

#[test]
fn who_takes_single_ones_again_gets_what_waits_at_once() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 60_000))]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1)]));
    assert!(bench.requests().is_empty());
    bench.configure(1, policy());
    assert_eq!(bench.requests(), [vec![1], vec![2]]);
}
