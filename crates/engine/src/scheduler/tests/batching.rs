//! Endpoints that take several messages in one request.

use ringback_model::Batching;
use ringback_store::{Follow, Followed};
use ringback_wire::BATCH_BODY_MAX;

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
            Action::Load(_) | Action::Follow(_) => None,
            Action::Configure { .. } | Action::Clear { .. } | Action::Forget { .. } => None,
        });
        requests.collect()
    }

    /// What is to be looked at behind heads now.
    fn looks(&mut self) -> Vec<Follow> {
        self.scheduler.start(self.now, &mut self.actions);
        let looks = self.actions.drain(..).filter_map(|action| match action {
            Action::Follow(follow) => Some(follow),
            Action::Start(_) | Action::StartBatch(_) => panic!("it starts without a look"),
            Action::Load(_) | Action::Configure { .. } | Action::Clear { .. } | Action::Forget { .. } => None,
        });
        looks.collect()
    }

    fn followed(&mut self, rows: Vec<Due>, more: bool) {
        self.tell(Event::Followed { endpoint: EndpointNo(1), found: Some(Followed { rows, more }) });
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

fn queued(no: i64, queue: i64) -> Due {
    due(no, 1, Class::Transactional, Some(queue))
}

fn accepted_now(bench: &Bench, mut row: Due) -> Due {
    Arc::make_mut(&mut row.message).accepted_at = bench.now;
    Due { due: bench.now, ..row }
}

fn heads(follow: &Follow) -> Vec<(i64, i64)> {
    follow.heads.iter().map(|(queue, head)| (queue.0, head.0)).collect()
}

#[test]
fn what_stands_behind_a_head_goes_with_it() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7), queued(2, 8), plain(4, 1)]));
    assert_eq!(heads(&bench.looks()[0]), [(7, 1), (8, 2)]);
    bench.followed(vec![queued(3, 7), queued(5, 8), queued(6, 7)], false);
    assert_eq!(bench.requests(), [vec![1, 2, 3, 4, 5, 6]], "in the order of their numbers");
    bench.answer_batch(&[1, 2, 3, 4, 5, 6], Verdict::Delivered, None);
    bench.settle_all(&[1, 3]);
    bench.tell(Event::Due(vec![queued(9, 7)]));
    assert!(bench.looks().is_empty(), "the queue of 9 is busy until 6 is durable");
    bench.settle_all(&[6]);
    assert_eq!(heads(&bench.looks()[0]), [(7, 9)]);
    bench.followed(Vec::new(), false);
    assert_eq!(bench.requests(), [vec![9]]);
    bench.settle_all(&[2, 4, 5]);
    bench.answer(9, 1, Verdict::Delivered);
    bench.settle_all(&[9]);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows, load.bytes), (0, 0, 0, 0));
}

#[test]
fn a_look_asks_for_no_more_than_fits() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(5, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7), plain(2, 1)]));
    let look = &bench.looks()[0];
    assert_eq!((look.limit, heads(look)), (3, vec![(7, 1)]));
    assert!(look.max_bytes > 1_000_000 && look.max_bytes < BATCH_BODY_MAX);
    bench.followed((3..9).map(|no| queued(no, 7)).collect(), true);
    assert_eq!(bench.requests(), [vec![1, 2, 3, 4, 5]]);
    // As many as it takes need no look.
    bench.tell(Event::Due((20..25).map(|no| queued(no, no)).collect()));
    assert_eq!(bench.requests(), [vec![20, 21, 22, 23, 24]]);
}

#[test]
fn a_backlog_goes_batch_after_batch_without_a_wait() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 1, ..gathers(3, 60_000) })]);
    bench.tell(Event::Due(vec![queued(1, 0)]));
    assert!(bench.looks().is_empty());
    bench.pass(60_000);
    assert_eq!(bench.looks().len(), 1);
    bench.followed(vec![queued(2, 0), queued(3, 0)], true);
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
    bench.answer_batch(&[1, 2, 3], Verdict::Delivered, None);
    bench.settle_all(&[1, 2, 3]);
    // The one that comes out was accepted just now, but more stand behind it.
    bench.tell(Event::Due(vec![accepted_now(&bench, queued(4, 0))]));
    assert_eq!(heads(&bench.looks()[0]), [(0, 4)]);
    bench.followed(vec![queued(5, 0)], false);
    assert_eq!(bench.requests(), [vec![4, 5]]);
    bench.answer_batch(&[4, 5], Verdict::Delivered, None);
    bench.settle_all(&[4, 5]);
    // What has stood behind others has waited since its acceptance.
    let mut next = accepted_now(&bench, queued(6, 0));
    bench.pass(40_000);
    next.due = bench.now;
    bench.tell(Event::Due(vec![next]));
    assert!(bench.looks().is_empty());
    bench.pass(20_000);
    assert_eq!(bench.looks().len(), 1);
}

#[test]
fn who_stands_behind_others_is_counted() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(3, 60_000)), (2, policy())]);
    let behind = |endpoint, queue| (EndpointNo(endpoint), QueueNo(queue));
    bench.tell(Event::Due(vec![queued(1, 0)]));
    bench.tell(Event::Queued(vec![behind(1, 0), behind(2, 0), behind(3, 0)]));
    assert!(bench.looks().is_empty());
    bench.tell(Event::Queued(vec![behind(1, 0)]));
    assert_eq!(bench.looks().len(), 1);
    bench.followed(vec![queued(2, 0), queued(3, 0)], false);
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
    bench.tell(Event::Queued(vec![behind(1, 0), behind(1, 0)]));
    bench.answer_batch(&[1, 2, 3], Verdict::Delivered, None);
    bench.settle_all(&[1, 2, 3]);
    bench.tell(Event::Due(vec![queued(4, 0)]));
    assert!(bench.looks().is_empty(), "4 is one of the two");
    bench.tell(Event::Queued(vec![behind(1, 0)]));
    assert_eq!(bench.looks().len(), 1);
}

#[test]
fn nothing_follows_a_head_that_is_gone() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 3, ..gathers(10, 0) })]);
    bench.tell(Event::Due(vec![queued(1, 7), queued(2, 8)]));
    assert_eq!(bench.looks().len(), 1);
    // Delivered by hand while the store looks.
    bench.tell(Event::Due(vec![by_hand(1, 1, NOW)]));
    assert_eq!(bench.requests(), [vec![1]]);
    let row = (MessageNo(1), Trigger::Manual);
    bench.tell(Event::Answered { endpoint: EndpointNo(1), row, verdict: Verdict::Delivered, retry: None });
    bench.followed(vec![queued(3, 7), queued(5, 7), queued(4, 8)], false);
    bench.tell(Event::Settled { endpoint: EndpointNo(1), row });
    bench.tell(Event::Due(vec![queued(3, 7)]));
    assert_eq!(bench.requests(), [vec![2, 3, 4]], "3 has come out, and what is behind it was not looked for");
    assert_eq!(bench.scheduler.load().rows, 3);
}

#[test]
fn what_was_delivered_by_hand_does_not_follow_nor_does_what_stands_behind_it() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 3, ..gathers(10, 0) })]);
    bench.tell(Event::Due(vec![by_hand(4, 1, NOW), by_hand(6, 1, NOW)]));
    assert_eq!(bench.requests(), [vec![4], vec![6]]);
    let row = |no| (MessageNo(no), Trigger::Manual);
    let answered = |no, verdict| Event::Answered { endpoint: EndpointNo(1), row: row(no), verdict, retry: None };
    let settled = |no| Event::Settled { endpoint: EndpointNo(1), row: row(no) };
    bench.tell(answered(4, Verdict::Delivered));
    bench.tell(Event::Due(vec![queued(1, 7), queued(2, 8)]));
    assert_eq!(bench.looks().len(), 1);
    bench.tell(answered(6, Verdict::Delivered));
    // One is not durable yet, and the other was not when the look began: both still have their places in the store.
    bench.tell(settled(6));
    bench.followed(vec![queued(3, 7), queued(4, 7), queued(5, 7), queued(6, 8), queued(8, 8)], false);
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
    bench.tell(settled(4));
    bench.answer_batch(&[1, 2, 3], Verdict::Delivered, None);
    bench.settle_all(&[1, 2, 3]);
    bench.tell(Event::Due(vec![queued(5, 7), queued(8, 8)]));
    assert_eq!(bench.looks().len(), 1);
    bench.followed(vec![], false);
    assert_eq!(bench.requests(), [vec![5, 8]]);
}

#[test]
fn what_was_found_is_let_go_from_the_one_that_is_delivered_by_hand() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { concurrency: 2, ..gathers(10, 0) })]);
    bench.tell(Event::Due(vec![by_hand(4, 1, NOW)]));
    assert_eq!(bench.requests(), [vec![4]]);
    bench.tell(Event::Due(vec![queued(1, 7)]));
    assert_eq!(bench.looks().len(), 1);
    bench.followed(vec![queued(3, 7), queued(4, 7), queued(5, 7)], false);
    let row = (MessageNo(4), Trigger::Manual);
    bench.tell(Event::Answered { endpoint: EndpointNo(1), row, verdict: Verdict::Delivered, retry: None });
    assert_eq!(bench.requests(), [vec![1, 3]]);
}

#[test]
fn what_was_called_off_is_looked_for_anew() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7)]));
    assert_eq!(bench.looks().len(), 1);
    bench.tell(Event::Revoked(EndpointNo(1)));
    bench.followed(vec![queued(2, 7), queued(3, 7)], false);
    assert_eq!(bench.loads().len(), 1);
    let taken = Taken { rows: vec![queued(1, 7)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.looks().len(), 1);
    bench.followed(vec![queued(3, 7)], false);
    assert_eq!(bench.requests(), [vec![1, 3]]);
    assert_eq!(bench.scheduler.load().rows, 2);
}

#[test]
fn a_store_that_cannot_be_read_leaves_the_heads_to_go_alone() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7), queued(2, 8)]));
    assert_eq!(bench.looks().len(), 1);
    bench.tell(Event::Followed { endpoint: EndpointNo(1), found: None });
    assert_eq!(bench.requests(), [vec![1, 2]]);
}

#[test]
fn what_was_left_out_of_a_request_is_free_again() {
    let mut bench = Bench::new(Limits::default(), &[(1, gathers(10, 0))]);
    bench.tell(Event::Due(vec![queued(1, 7)]));
    bench.looks();
    bench.followed(vec![queued(2, 7), queued(3, 7)], false);
    assert_eq!(bench.requests(), [vec![1, 2, 3]]);
    bench.answer_batch(&[1], Verdict::Delivered, None);
    bench.settle_all(&[2, 3]);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows), (0, 1, 1));
    bench.settle_all(&[1]);
    bench.tell(Event::Due(vec![queued(2, 7)]));
    assert_eq!(heads(&bench.looks()[0]), [(7, 2)]);
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
