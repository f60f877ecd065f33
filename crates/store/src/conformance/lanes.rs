//! What a start finds.

use std::time::Duration;

use ringback_model::{AppNo, Breaker, EndpointNo, Health, OrgNo, Trigger};

use super::Harness;
use super::world::{ENDPOINT, SUCCESS, World, document};
use crate::{Backlog, DocumentKind, JointBacklog, LaneStart, Step};

fn found(world: &World<'_>, page: usize) -> Vec<LaneStart> {
    let mut lanes = Vec::new();
    let mut after = EndpointNo(0);
    loop {
        let next = world.store.lanes(after, page).wait().expect("the store can be read");
        assert!(next.len() <= page);
        let Some(last) = next.last() else { return lanes };
        after = last.endpoint;
        lanes.extend(next);
    }
}

/// Endpoints with something due now, later, or by hand, or with a bad health; those with nothing are passed over.
pub fn every_endpoint_with_work_is_found_once(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let endpoints: Vec<_> = (1..=20).map(|n| EndpointNo(n * 3)).collect();
    let first = world.send(&endpoints);
    world.send(&endpoints[..10]);
    for endpoint in &endpoints[5..] {
        world.finish(first, *endpoint, SUCCESS);
    }
    world.rearm(first, endpoints[15]);
    world.finish(first, endpoints[0], Step::Retry { due: world.later(60), counted: true });
    world.accept(world.item(&[(EndpointNo(100), Some(1))]));
    let mut failing = world.outcome(first, endpoints[17], Trigger::Manual, Step::Keep);
    failing.health = Some(Health { failing_since: Some(world.now()), ..Health::default() });
    world.record(failing);
    world.crash();
    let expected: Vec<_> =
        endpoints[..10].iter().copied().chain([endpoints[15], endpoints[17], EndpointNo(100)]).collect();
    for page in [1, 3, 100] {
        let lanes: Vec<_> = found(&world, page).iter().map(|lane| lane.endpoint).collect();
        assert_eq!(lanes, expected);
    }
}

/// Breakers survive a restart.
pub fn a_health_is_kept_until_it_is_well_again(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let breaker = Breaker { probe_at: world.later(10), wait: Duration::from_secs(10) };
    let failing = Health { failing_since: Some(world.now()), breaker: Some(breaker), ..Health::default() };
    // What is kept is the durable part.
    let in_memory = Health { failures: 12, timed_out: true, ..failing };
    for (health, kept) in
        [(in_memory, failing), (Health { breaker: None, ..failing }, Health { breaker: None, ..failing })]
    {
        let retry = Step::Retry { due: world.later(5), counted: true };
        let mut item = world.outcome(message, ENDPOINT, Trigger::Scheduled, retry);
        item.health = Some(health);
        world.record(item);
        world.crash();
        assert_eq!(found(&world, 10), [LaneStart { endpoint: ENDPOINT, health: kept, held: false }]);
    }
    let mut item = world.outcome(message, ENDPOINT, Trigger::Scheduled, SUCCESS);
    item.health = Some(Health::default());
    world.record(item);
    assert!(found(&world, 10).is_empty());
}

/// Those due, those tried later and those behind the head of their queue; not those that have ended.
pub fn a_backlog_counts_each_pending_delivery_once(harness: &dyn Harness) {
    let world = World::new(harness);
    assert_eq!(world.store.backlog(ENDPOINT, u32::MAX).wait().expect("the store can be read"), Backlog::default());
    let oldest = world.now();
    let later = world.send(&[ENDPOINT]);
    world.finish(later, ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    world.clock.advance(Duration::from_secs(5));
    let ended = world.send(&[ENDPOINT]);
    world.finish(ended, ENDPOINT, SUCCESS);
    world.rearm(ended, ENDPOINT);
    for queue in [Some(1), Some(1), Some(1), Some(2), None] {
        world.accept(world.item(&[(ENDPOINT, queue), (EndpointNo(ENDPOINT.0 + 1), queue)]));
    }
    let backlog = world.store.backlog(ENDPOINT, u32::MAX).wait().expect("the store can be read");
    assert_eq!(backlog, Backlog { pending: 6, oldest: Some(oldest), more: false });
    let all = world.store.pending(u64::MAX).wait().expect("the store can be read").all;
    assert_eq!(all, Backlog { pending: 11, oldest: Some(oldest), more: false });
    world.finish(later, ENDPOINT, SUCCESS);
    let backlog = world.store.backlog(ENDPOINT, u32::MAX).wait().expect("the store can be read");
    assert_eq!(backlog, Backlog { pending: 5, oldest: Some(world.now()), more: false });
    let some = world.store.backlog(ENDPOINT, 4).wait().expect("the store can be read");
    assert_eq!((some.pending, some.more), (4, true));
    let all = world.store.backlog(ENDPOINT, 5).wait().expect("the store can be read");
    assert_eq!((all.pending, all.more), (5, false));
}

/// For each organization and application, and by itself for an endpoint with much; the oldest is told by its time, not by its number.
pub fn what_waits_is_counted_for_each_organization(harness: &dyn Harness) {
    let world = World::new(harness);
    let endpoint = |org: i64, name: &str| {
        let app = world.put(document(DocumentKind::Application, org, &format!("app_{name}")));
        let endpoint = EndpointNo(world.put(document(DocumentKind::Endpoint, app, &format!("ep_{name}"))));
        (AppNo(app), endpoint)
    };
    // The numbers of the second may be lower than those of the first, where a shard is part of them.
    let [(many_app, many), (few_app, few), (well_app, well)] =
        [endpoint(1, "many"), endpoint(2, "few"), endpoint(2, "well")];
    let accept = |app, endpoint, queue| {
        let mut item = world.item(&[(endpoint, queue)]);
        item.app = app;
        world.accept(item)
    };
    let times: Vec<_> =
        [(few_app, few, None), (many_app, many, None), (many_app, many, Some(1)), (many_app, many, Some(1))]
            .into_iter()
            .map(|(app, endpoint, queue)| {
                world.clock.advance(Duration::from_secs(1));
                accept(app, endpoint, queue);
                world.now()
            })
            .collect();
    let message = accept(well_app, well, None);
    let open = Breaker { probe_at: world.later(10), wait: Duration::from_secs(10) };
    let mut failing = world.outcome(message, well, Trigger::Scheduled, SUCCESS);
    failing.health = Some(Health { failing_since: Some(world.now()), breaker: Some(open), ..Health::default() });
    world.record(failing);

    let waiting = world.store.pending(2).wait().expect("the store can be read");
    let backlog = |pending, oldest| Backlog { pending, oldest: Some(oldest), more: false };
    assert_eq!(waiting.all, backlog(4, times[0]));
    let joint = |backlog, open_breakers| JointBacklog { backlog, open_breakers };
    let (firsts, seconds) = (backlog(3, times[1]), backlog(1, times[0]));
    assert_eq!(waiting.organizations, [(OrgNo(1), joint(firsts, 0)), (OrgNo(2), joint(seconds, 1))]);
    let mut applications =
        [(many_app, joint(firsts, 0)), (few_app, joint(seconds, 0)), (well_app, joint(Backlog::default(), 1))];
    applications.sort_unstable_by_key(|(app, _)| app.0);
    assert_eq!(waiting.applications, applications);
    assert_eq!(waiting.long, [(many, backlog(3, times[1]))]);
}

/// What metrics tell: messages and their deliveries, once each, and the commits that they were in.
pub fn what_was_accepted_and_committed_is_counted(harness: &dyn Harness) {
    let world = World::new(harness);
    let meter = world.store.meter();
    let (messages, commits) = (meter.messages.get(), meter.commit_time.read().count);
    let mut item = world.item(&[(ENDPOINT, None), (EndpointNo(ENDPOINT.0 + 1), None)]);
    item.message.event_id = Some("once".to_owned());
    world.accept(item.clone());
    item.message.id = world.item(&[]).message.id;
    let again = world.store.accept(item).wait().expect("the store answers");
    assert_eq!(again, crate::Accepted::EventIdTaken);
    assert_eq!((meter.messages.get() - messages, meter.deliveries.get()), (1, 2));
    let sizes = meter.commit_size.read();
    assert_eq!(meter.commit_time.read().count - commits, 2, "each waited for its own");
    assert!(sizes.count >= 2 && sizes.sum >= sizes.count);
    assert!(world.store.pending(u64::MAX).wait().is_ok_and(|waiting| waiting.all.pending == 2));
}
