//! What a lane holds of what is due: no row twice, none forgotten, and never more than all lanes may hold together.

use super::*;

#[test]
fn what_is_asked_for_by_hand_twice_before_it_goes_is_one_row() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due(vec![plain(1, 1)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    for seconds in [0, 1] {
        bench.now = NOW + Duration::from_secs(seconds);
        bench.tell(Event::Due(vec![by_hand(7, 1, bench.now)]));
    }
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    assert_eq!(bench.starts(), [(7, 1)]);
    bench.answer_by_hand(7, 1, Verdict::Delivered);
    bench.settle_by_hand(7, 1);
    assert_eq!(bench.starts(), []);
    let load = bench.scheduler.load();
    assert_eq!((load.rows, load.running, load.uncommitted, load.bytes), (0, 0, 0, 0));
}

#[test]
fn a_row_that_settled_while_a_load_failed_is_taken_in_by_the_next_one() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Missed);
    assert_eq!(bench.loads().len(), 1);
    bench.tell(Event::Due(vec![plain(1, 1)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.answer(1, 1, FAILED);
    bench.settle(1, 1);
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: None });
    bench.now = NOW + RETRY_STORE;
    assert_eq!(bench.loads().len(), 1);
    let taken = Taken { rows: vec![plain(1, 1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.starts(), [(1, 1)]);
}

#[test]
fn rows_that_a_load_brings_to_a_closed_gate_stay_in_the_store() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Missed);
    bench.starts();
    bench.configure(1, LanePolicy { gate: Some(Gate::Paused), ..policy() });
    let taken = Taken { rows: vec![plain(1, 1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.scheduler.load().rows, 0);
    bench.configure(1, policy());
    assert_eq!(bench.loads().len(), 1);
}

#[test]
fn loads_under_way_count_against_what_all_lanes_may_hold() {
    let limits = Limits { rows: 100, ..Limits::default() };
    let lanes: Vec<_> = (0..200).map(|no| (no, policy())).collect();
    let mut bench = Bench::new(limits, &lanes);
    bench.tell(Event::Missed);
    let asked: usize = bench.loads().iter().map(|take| take.limit).sum();
    // A lane that has nothing always gets one row.
    assert!(asked <= 100 + 200, "{asked} rows were asked for at once");
}

#[test]
fn lanes_that_hold_nothing_get_a_row_although_others_hold_all_that_may_be_held() {
    let limits = Limits { rows: 8, ..Limits::default() };
    let slow = LanePolicy { gate: None, concurrency: 1, ..policy() };
    let mut bench = Bench::new(limits, &[(1, slow.clone()), (2, slow)]);
    bench.tell(Event::Due((0..20).map(|no| plain(no, 1)).collect()));
    bench.starts();
    bench.tell(Event::Missed);
    let loads = bench.loads();
    assert_eq!(loads.iter().map(|take| (take.endpoint.0, take.limit)).collect::<Vec<_>>(), [(2, 1)]);
}

#[test]
fn a_row_asked_for_by_hand_finds_a_place_in_a_full_window() {
    let mut bench = Bench::new(Limits::default(), &[]);
    let breaker = Some(Breaker { probe_at: NOW + Duration::from_secs(5), wait: Duration::from_secs(5) });
    bench.tell(Event::Found {
        endpoint: EndpointNo(1),
        health: Health { failing_since: Some(NOW), breaker, ..Health::default() },
    });
    bench.configure(1, policy());
    let rows = (0..15).map(|no| plain(no, 1)).chain([due(15, 1, Class::Marketing, None)]).collect();
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(Taken { rows, more: true, next_due: None }) });
    assert_eq!(bench.starts(), []);
    bench.tell(Event::Due(vec![by_hand(77, 1, NOW)]));
    assert_eq!(bench.starts(), [(77, 1)], "it may be the probe");
}

#[test]
fn what_was_called_off_is_not_started_out_of_memory_or_out_of_a_load_under_way() {
    let one = LanePolicy { concurrency: 1, ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, one)]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1), plain(3, 1)]));
    assert_eq!(bench.starts(), [(1, 1)]);
    bench.tell(Event::Revoked(EndpointNo(1)));
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    assert_eq!(bench.loads().len(), 1, "it is read anew");
    bench.tell(Event::Revoked(EndpointNo(1)));
    let taken = |rows| Some(Taken { rows, more: false, next_due: None });
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: taken(vec![plain(2, 1), plain(3, 1)]) });
    assert_eq!(bench.loads().len(), 1, "what was read before it may be among what was called off");
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: taken(vec![plain(3, 1)]) });
    assert_eq!(bench.starts(), [(3, 1)]);
}

#[test]
fn an_endpoint_of_which_deliveries_came_due_looks_for_them() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Woken(EndpointNo(1)));
    assert_eq!(bench.loads().len(), 1);
    bench.tell(Event::Woken(EndpointNo(2)));
    assert!(bench.actions.iter().any(|action| matches!(action, Action::Configure { endpoint: EndpointNo(2), .. })));
}
