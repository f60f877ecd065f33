//! Whose turn it is: between lanes, between lanes of one application, and between classes within a lane.

use super::*;

#[test]
fn lanes_of_a_throttled_application_take_turns() {
    let throttled = LanePolicy { app_rate: Some(1), concurrency: 10, ..policy() };
    let lanes: Vec<_> = (1..=3).map(|no| (no, throttled.clone())).collect();
    let mut bench = Bench::new(Limits::default(), &lanes);
    bench.tell(Event::Due((0..30).map(|no| plain(no, 1 + no % 3)).collect()));
    let mut starts = [0; 3];
    for second in 1..=6 {
        bench.now = NOW + Duration::from_secs(second);
        for (_, endpoint) in bench.starts() {
            starts[endpoint as usize - 1] += 1;
        }
    }
    assert_eq!(starts, [2, 2, 2]);
}

#[test]
fn every_class_behind_the_most_urgent_one_gets_a_twentieth_of_the_turns() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    let waiting = |class, from| (from..from + 5).map(move |no| due(no, 1, class, None));
    bench.tell(Event::Due(waiting(Class::Notification, 1_000).chain(waiting(Class::Marketing, 2_000)).collect()));
    let mut turns = [0; 3];
    for turn in 0..60 {
        bench.tell(Event::Due(vec![due(turn, 1, Class::Otp, None)]));
        let (no, _) = bench.starts()[0];
        turns[no as usize / 1_000] += 1;
        bench.answer(no, 1, Verdict::Delivered);
        bench.settle(no, 1);
    }
    assert_eq!(turns, [54, 3, 3]);
}

#[test]
fn a_receiver_that_asks_for_less_is_slowed_down_from_what_it_gets_and_not_from_what_it_might_get() {
    let mut bench = Bench::new(Limits::default(), &[(1, LanePolicy { rate: Some(8), concurrency: 1, ..policy() })]);
    let overloaded = Verdict::Failed { timed_out: false, overloaded: true };
    let mut no = 0;
    let mut once = |bench: &mut Bench, verdict| {
        no += 1;
        bench.tell(Event::Due(vec![plain(no, 1)]));
        while bench.starts().is_empty() {
            bench.now = bench.scheduler.next_wake().expect("it goes on by itself");
        }
        bench.answer(no, 1, verdict);
        bench.settle(no, 1);
    };
    once(&mut bench, overloaded);
    (0..15).for_each(|_| once(&mut bench, Verdict::Delivered));
    bench.now = bench.now + Duration::from_secs(60);
    once(&mut bench, overloaded);
    // An eighth of a second apart before; the bucket keeps what it has up to the new burst, so look at the second gap.
    (0..5).for_each(|_| once(&mut bench, FAILED));
    let begin = bench.now;
    once(&mut bench, FAILED);
    assert!(bench.now.since(begin) >= Duration::from_millis(249), "{:?}", bench.now.since(begin));
}
