//! Attempts that somebody asked for, beside the schedule.

use super::*;

#[test]
fn a_resend_that_delivers_takes_the_scheduled_attempt_with_it() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.tell(Event::Due(vec![by_hand(2, 1, NOW)]));
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    assert_eq!(bench.starts(), [(2, 1)]);
    bench.answer_by_hand(2, 1, Verdict::Delivered);
    assert_eq!(bench.starts(), [], "it has been delivered");
    bench.settle_by_hand(2, 1);
    assert_eq!(bench.starts(), []);
    assert_eq!(bench.scheduler.load().rows, 0);
}

#[test]
fn a_resend_that_fails_leaves_the_scheduled_attempt() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due(vec![plain(1, 1), by_hand(1, 1, NOW)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.answer_by_hand(1, 1, FAILED);
    assert_eq!(bench.starts(), [(1, 1)]);
}
