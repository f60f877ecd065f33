//! Lanes that come and go with the shards of a node.

use ringback_store::Shard;

use super::*;

/// An endpoint of another shard than those with small numbers.
const FAR: i64 = (9 << 55) + 1;

#[test]
fn a_shard_that_is_handed_over_starts_nothing_more_and_comes_to_rest() {
    let mut bench = Bench::new(Limits::default(), &[(1, policy()), (FAR, policy())]);
    bench.tell(Event::Due(vec![plain(1, 1), plain(2, 1), plain(3, 1), plain(4, FAR)]));
    assert_eq!(bench.starts(), [(1, 1), (4, FAR), (2, 1)]);
    bench.tell(Event::Leaving(vec![Shard::FIRST]));
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    assert!(bench.starts().is_empty() && bench.loads().is_empty(), "3 is for whoever comes next");
    assert_eq!(bench.scheduler.in_hand()[0], 1);
    bench.answer(2, 1, Verdict::Delivered);
    assert_eq!(bench.scheduler.in_hand()[0], 1, "its outcome is not durable");
    bench.settle(2, 1);
    assert_eq!(bench.scheduler.in_hand()[0], 0);
    bench.answer(4, FAR, Verdict::Delivered);
    bench.settle(4, FAR);
    bench.tell(Event::Due(vec![plain(5, FAR)]));
    assert_eq!(bench.starts(), [(5, FAR)], "others go on");
}

#[test]
fn a_deleted_endpoint_of_a_shard_that_is_handed_over_is_cleared_by_the_next_owner() {
    let gone = LanePolicy { gate: Some(Gate::Deleted), ..policy() };
    let mut bench = Bench::new(Limits::default(), &[]);
    bench.tell(Event::Found { endpoint: EndpointNo(1), health: Health::default() });
    bench.tell(Event::Leaving(vec![Shard::FIRST]));
    bench.actions.clear();
    bench.configure(1, gone);
    assert!(bench.actions.is_empty(), "{:?}", bench.actions);
}

#[test]
fn what_was_cut_off_is_in_the_store_as_it_was() {
    let queued = |no| due(no, 1, Class::Transactional, Some(7));
    let mut bench = Bench::new(Limits::default(), &[(1, policy())]);
    bench.tell(Event::Due(vec![queued(1), plain(2, 1)]));
    assert_eq!(bench.starts(), [(1, 1), (2, 1)]);
    bench.answer(2, 1, Verdict::Delivered);
    bench.tell(Event::CutOff);
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows), (0, 1, 1), "what was answered is being recorded");
    let Some(Action::Load(take)) = bench.actions.pop() else { panic!("it looks into the store") };
    assert_eq!(take.held, [(MessageNo(2), Trigger::Scheduled)]);
    let taken = Taken { rows: vec![queued(1)], more: false, next_due: None };
    bench.tell(Event::Loaded { endpoint: EndpointNo(1), taken: Some(taken) });
    assert_eq!(bench.starts(), [(1, 1)], "its queue is free again");
    bench.answer(1, 1, Verdict::Delivered);
    bench.settle(1, 1);
    bench.settle(2, 1);
    assert_eq!(bench.scheduler.load().rows, 0);
}

#[test]
fn closing_lanes_leaves_nothing_behind() {
    let limited = LanePolicy { app_rate: Some(1), rate: Some(5), ..policy() };
    let mut bench = Bench::new(Limits::default(), &[(1, limited.clone()), (2, limited)]);
    bench.configure(FAR, LanePolicy { app: AppNo(9), ..policy() });
    bench.tell(Event::Due((0..30).map(|no| plain(no, no % 2 + 1)).chain([plain(99, FAR)]).collect()));
    let begun = bench.starts();
    assert!(begun.len() < 30 && begun.contains(&(99, FAR)), "{begun:?}");
    bench.tell(Event::Missed);
    let closed = bench.scheduler.close(|shard| shard == Shard::FIRST);
    assert_eq!(closed, [EndpointNo(1), EndpointNo(2)]);
    bench.actions.clear();
    for (no, endpoint) in begun {
        // What comes of it later finds nobody.
        bench.answer(no, endpoint, Verdict::Delivered);
        bench.settle(no, endpoint);
    }
    let load = bench.scheduler.load();
    assert_eq!((load.running, load.uncommitted, load.rows, load.bytes, load.lanes), (0, 0, 0, 0, 1));
    bench.tell(Event::Loaded { endpoint: EndpointNo(FAR), taken: Some(Taken::default()) });
    assert_eq!(bench.scheduler.next_wake(), None, "nobody waits for a permit");
    bench.now = NOW + Duration::from_secs(60);
    assert_eq!(bench.starts(), []);
    // And it may come back.
    bench.configure(1, policy());
    bench.tell(Event::Due(vec![plain(7, 1)]));
    assert_eq!(bench.starts(), [(7, 1)]);
}
