//! Stores with several owners. Where a store has one only, most of these have nothing to ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_model::{DeliveryState, EndpointNo, Health, MessageNo, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, document, epoch_in, lease};
use crate::{
    Accepted, Clear, Committed, DocumentKind, Feed, Finished, HandOver, Lease, NodeNo, OverdueQuery, Release, Shard,
    Step, Store,
};

/// Whoever is alone owns every shard, and is told so again.
pub fn a_store_alone_owns_everything(harness: &dyn Harness) {
    let world = World::new(harness);
    let owned: Vec<_> = world.lease.shards.iter().map(|(shard, _)| *shard).collect();
    assert_eq!(owned, Shard::all().collect::<Vec<_>>());
    assert_eq!((world.lease.surplus, world.lease.others), (0, 0));
    assert!(Shard::all().all(|shard| world.store.owns(shard)));
    assert_same(renew(&world.store, world.lease.node), &world.lease);
}

/// An owner that has slept through the end of its lease records nothing, holds nothing, releases nothing, ends nothing:
/// somebody else does. Nor does one that got the shard back, of what it had begun before.
pub fn an_owner_that_was_replaced_writes_nothing(harness: &dyn Harness) {
    let world = World::new(harness);
    let Some((other, _)) = harness.another(&world.store) else { return };
    let (message, held) = (world.send(&[ENDPOINT]), world.send(&[ENDPOINT]));
    world.finish(held, ENDPOINT, Step::Hold { since: world.now(), due: world.later(3_600) });
    harness.end_lease(&world.store);
    let taken = lease(&*other);
    assert!(epoch_in(&taken, ENDPOINT) > world.epoch(ENDPOINT));
    writes_nothing(&world, message);
    assert_eq!(renew(&world.store, world.lease.node), None, "it learns so when it asks");
    harness.end_lease(&world.store);
    let back = lease(&*world.store);
    writes_nothing(&world, message);
    assert_eq!(world.delivery(held, ENDPOINT).state, DeliveryState::Pending);
    let mut outcome = world.outcome(message, ENDPOINT, Trigger::Scheduled, SUCCESS);
    outcome.epoch = epoch_in(&back, ENDPOINT);
    assert_eq!(world.store.finish(outcome).wait().expect("an answer"), Finished::Recorded);
}

fn assert_same(renewed: Option<Lease>, lease: &Lease) {
    let renewed = renewed.expect("it goes on");
    assert_eq!(renewed, Lease { renewed_at: renewed.renewed_at, ..lease.clone() });
    assert!(renewed.renewed_at >= lease.renewed_at);
}

fn writes_nothing(world: &World<'_>, message: MessageNo) {
    let epoch = world.epoch(ENDPOINT);
    for step in [SUCCESS, Step::Retry { due: world.later(60), counted: true }] {
        let mut outcome = world.outcome(message, ENDPOINT, Trigger::Scheduled, step);
        outcome.health = Some(Health { failing_since: Some(world.now()), ..Health::default() });
        outcome.earlier = Some(world.outcome(message, ENDPOINT, Trigger::Scheduled, step).attempt);
        assert_eq!(world.store.finish(outcome).wait().expect("an answer"), Finished::Fenced);
    }
    let released = world.store.release(Release { endpoint: ENDPOINT, epoch, limit: 10 }).wait().expect("an answer");
    assert_eq!(released.count, 0);
    let (endpoint, state, reason) = (ENDPOINT, DeliveryState::Canceled, Reason::EndpointDeleted);
    let clear = Clear { endpoint, epoch: Some(epoch), state, reason, limit: 10, upto: None };
    assert_eq!(world.store.clear(clear).wait().expect("an answer").count, 0);
    assert_eq!(world.due(ENDPOINT), [message]);
    assert!(world.attempts(message).is_empty());
    let lanes = world.store.lanes(EndpointNo(0), 10).wait().expect("the store can be read");
    assert!(lanes.iter().all(|lane| lane.health == Health::default()), "{lanes:?}");
}

/// A lease that has run out and that nobody has taken over is as good as before.
pub fn a_lease_that_nobody_has_taken_over_goes_on(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    harness.end_lease(&world.store);
    assert_eq!(world.finish(message, ENDPOINT, Step::Retry { due: world.now(), counted: true }), Finished::Recorded);
    assert_same(renew(&world.store, world.lease.node), &world.lease);
    assert_eq!(world.finish(message, ENDPOINT, SUCCESS), Finished::Recorded);
}

/// Nodes that come and go have each their fair share after a few renewals, and no shard two owners on the way.
pub fn shards_are_shared_out_evenly_and_each_has_one_owner(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut stores = vec![world.store.clone()];
    let mut leases = vec![world.lease.clone()];
    for _ in 0..3 {
        let Some((store, _)) = harness.another(&world.store) else { return };
        leases.push(lease(&*store));
        stores.push(store);
        settle(&stores, &mut leases);
        let counts: Vec<_> = leases.iter().map(|lease| lease.shards.len()).collect();
        let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
        assert_eq!(counts.iter().sum::<usize>(), Shard::COUNT, "{counts:?}");
        assert!(most <= least.map(|least| least + 1), "{counts:?}");
    }
    // One leaves in good order.
    let gone = leases.pop().expect("there are four");
    give(&stores.pop().expect("there are four"), &gone, true);
    settle(&stores, &mut leases);
    assert_eq!(leases.iter().map(|lease| lease.shards.len()).collect::<Vec<_>>(), [86, 85, 85]);
}

/// Has each store renew and give what it has too much of, until nothing changes.
fn settle(stores: &[Arc<dyn Store>], leases: &mut [Lease]) {
    for _ in 0..4 {
        for at in 0..stores.len() {
            let lease = renew(&stores[at], leases[at].node).expect("it goes on");
            let surplus = lease.shards[..lease.surplus].to_vec();
            give(&stores[at], &Lease { shards: surplus, ..lease.clone() }, false);
            leases[at] = renew(&stores[at], lease.node).expect("it goes on");
            for shard in Shard::all() {
                let owners = stores.iter().filter(|store| store.owns(shard)).count();
                assert!(owners <= 1, "{shard:?} has {owners} owners");
            }
        }
    }
}

fn give(store: &Arc<dyn Store>, lease: &Lease, leaves: bool) {
    let shards = lease.shards.iter().map(|(shard, _)| *shard).collect();
    store.hand_over(HandOver { node: lease.node, shards, leaves }).wait().expect("the store hands over");
}

fn renew(store: &Arc<dyn Store>, node: NodeNo) -> Option<Lease> {
    store.renew(node, true).wait().expect("the store renews")
}

/// A hand-over leaves no gap: whoever asks next has the shard, and sees all that was recorded before.
pub fn what_is_handed_over_is_another_s_at_once_under_another_epoch(harness: &dyn Harness) {
    let world = World::new(harness);
    let Some((other, mut feed)) = harness.another(&world.store) else { return };
    let theirs = lease(&*other);
    assert_eq!((theirs.shards.len(), theirs.others), (0, 1), "nothing is free");
    let (first, second) = (world.send_in(1), world.send_in(1));
    world.finish(first, ENDPOINT, SUCCESS);
    give(&world.store, &world.lease, false);
    told(&mut feed, |committed| committed.nodes_changed);
    let theirs = renew(&other, theirs.node).expect("it goes on");
    assert_eq!(theirs.shards.len(), Shard::COUNT / 2);
    let epoch = epoch_in(&theirs, ENDPOINT);
    assert!(epoch > world.epoch(ENDPOINT));
    assert!(!world.store.owns(Shard::FIRST) && other.owns(Shard::FIRST));
    assert_eq!(world.due(ENDPOINT), [second]);
    assert_eq!(world.finish(second, ENDPOINT, SUCCESS), Finished::Fenced);
    let mut outcome = world.outcome(second, ENDPOINT, Trigger::Scheduled, SUCCESS);
    outcome.epoch = epoch;
    assert_eq!(other.finish(outcome).wait().expect("an answer"), Finished::Recorded);
}

/// What one node accepts for a shard of another, calls off there or configures, the other is told of.
pub fn whoever_accepts_for_another_tells_it(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let Some((other, mut feed)) = harness.another(&world.store) else { return };
    let theirs = lease(&*other);
    give(&world.store, &world.lease, false);
    renew(&other, theirs.node).expect("it goes on");
    renew(&world.store, world.lease.node).expect("it goes on");
    world.told();
    let message = world.send(&[ENDPOINT, OTHER]);
    told(&mut feed, |committed| committed.woken.contains(&ENDPOINT));
    assert!(world.told().is_empty(), "it is not for this one");
    let (endpoint, state, reason) = (ENDPOINT, DeliveryState::Canceled, Reason::Canceled);
    world.store.end(crate::End { message, endpoint, state, reason, audit: None }).wait().expect("an answer");
    told(&mut feed, |committed| committed.revoked == [ENDPOINT]);
    let mut item = document(DocumentKind::Endpoint, world.app.0, "ep_1");
    item.app = Some(world.app);
    world.put(item);
    told(&mut feed, |committed| committed.changed == [world.app]);
}

/// Waits until a feed tells something.
fn told(feed: &mut Feed, what: impl Fn(&Committed) -> bool) {
    let begun = Instant::now();
    loop {
        match feed.try_next() {
            Some(committed) if what(&committed) => return,
            Some(_) => {}
            None => std::thread::sleep(Duration::from_millis(2)),
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "it is not told");
    }
}

/// Endpoints with something due are found, of the shards that are asked for, by number.
pub fn what_is_due_by_others_doing_is_found_by_looking(harness: &dyn Harness) {
    let world = World::new(harness);
    let looked = |shards: &[Shard], after: i64, limit: usize| {
        let (after, now) = (EndpointNo(after), world.now());
        let query = OverdueQuery { shards: shards.to_vec(), after, now, limit };
        world.store.overdue(query).wait().expect("the store can be read")
    };
    let all: Vec<_> = Shard::all().collect();
    assert_eq!(looked(&all, 0, 10), []);
    let (now, later) = (world.send(&[ENDPOINT, OTHER]), world.send(&[EndpointNo(1_003)]));
    world.finish(later, EndpointNo(1_003), Step::Retry { due: world.later(60), counted: true });
    let far = EndpointNo((9 << 55) + 1);
    world.accept(world.item(&[(far, None)]));
    assert_eq!(looked(&[Shard::FIRST], 0, 10), [ENDPOINT, OTHER]);
    assert_eq!(looked(&[Shard::FIRST], 0, 1), [ENDPOINT]);
    assert_eq!(looked(&[Shard::FIRST], ENDPOINT.0, 10), [OTHER]);
    assert_eq!(looked(&all, OTHER.0, 10), [far]);
    world.finish(now, ENDPOINT, SUCCESS);
    world.rearm(later, EndpointNo(1_003));
    assert_eq!(looked(&[Shard::FIRST], 0, 10), [OTHER, EndpointNo(1_003)]);
}

/// A take has no high-water mark: a row whose commit came after that of a higher number is found.
///
/// Does not apply where commits always come in the order of numbers.
pub fn a_row_that_commits_late_is_found(harness: &dyn Harness) {
    let world = World::new(harness);
    let Some(commit) = harness.accept_late(&world.store, &world.item(&[(ENDPOINT, None)])) else { return };
    let early = world.send(&[ENDPOINT]);
    assert_eq!(world.due(ENDPOINT), [early]);
    let Ok(Accepted::New { no: late }) = commit().wait() else { panic!("the late message was not accepted") };
    assert!(late < early);
    let mut due = world.due(ENDPOINT);
    due.sort_unstable();
    assert_eq!(due, [late, early]);
    world.finish(early, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [late], "also when what came before it is done");
}
