//! Ending what is pending without an attempt.

use ringback_model::{DeliveryState, EndpointNo, Health, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, document};
use crate::{Clear, Cleared, Delete, DocumentKind, Expect, Put, Step};

const CLEAR: Clear = Clear {
    endpoint: ENDPOINT,
    epoch: None,
    state: DeliveryState::Canceled,
    reason: Reason::EndpointDeleted,
    limit: 7,
    upto: None,
};

/// Each commit is short; what has ended, and other endpoints, are not concerned.
pub fn pending_deliveries_are_ended_in_batches(harness: &dyn Harness) {
    let world = World::new(harness);
    let done = world.send(&[ENDPOINT]);
    world.finish(done, ENDPOINT, SUCCESS);
    let sent: Vec<_> = (0..20).map(|_| world.send(&[ENDPOINT, OTHER])).collect();
    world.finish(sent[3], ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    let counts: Vec<_> = (0..4).map(|_| world.store.clear(CLEAR).wait().expect("an answer").count).collect();
    assert_eq!(counts, [7, 7, 6, 0]);
    for message in &sent {
        let delivery = world.delivery(*message, ENDPOINT);
        assert_eq!((delivery.state, delivery.reason), (DeliveryState::Canceled, Some(Reason::EndpointDeleted)));
        assert_eq!(delivery.due, None);
    }
    assert_eq!(world.delivery(done, ENDPOINT).state, DeliveryState::Success);
    assert_eq!(world.due(OTHER), sent);
    assert!(world.taken(ENDPOINT).next_due.is_none());
}

/// Who clears has read of the deletion before; a message may have come since the endpoint came back.
pub fn an_endpoint_that_has_come_back_keeps_what_is_pending(harness: &dyn Harness) {
    let world = World::new(harness);
    let item = Put { app: Some(world.app), ..document(DocumentKind::Endpoint, world.app.0, "ep_1") };
    let no = world.put(item.clone());
    let clear = Clear { endpoint: EndpointNo(no), ..CLEAR };
    let mut accept = world.item(&[(EndpointNo(no), None)]);
    accept.app_version = world.version();
    let message = world.accept(accept);
    let cleared = || world.store.clear(clear).wait().expect("an answer");
    assert_eq!(cleared(), Cleared { count: 0, lives: true });
    assert_eq!(world.due(EndpointNo(no)), [message]);
    let delete = Delete { app: Some(world.app), ..Delete::new(no, world.now()) };
    assert!(world.store.delete(delete.clone()).wait().expect("an answer"));
    world.put(Put { expect: Expect::Deleted { no, version: 2 }, ..item });
    assert_eq!(cleared(), Cleared { count: 0, lives: true });
    assert_eq!(world.due(EndpointNo(no)), [message]);
    assert!(world.store.delete(delete).wait().expect("an answer"));
    assert_eq!(cleared(), Cleared { count: 1, lives: false });
}

/// Once nothing is left of a deleted endpoint, a start does not find it any more, not even because it was failing.
pub fn a_deleted_endpoint_that_was_cleared_is_not_found(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let mut failed =
        world.outcome(message, ENDPOINT, Trigger::Scheduled, Step::Retry { due: world.later(5), counted: true });
    failed.health = Some(Health { failing_since: Some(world.now()), ..Health::default() });
    world.record(failed);
    world.store.clear(CLEAR).wait().expect("an answer");
    assert!(world.store.lanes(EndpointNo(0), 10).wait().expect("the store can be read").is_empty());
}

/// A resend that waits is called off; a delivery that had ended keeps how it ended.
pub fn a_clearing_calls_off_what_was_asked_for_by_hand(harness: &dyn Harness) {
    let world = World::new(harness);
    let (done, new) = (world.send(&[ENDPOINT]), world.send(&[OTHER]));
    world.finish(done, ENDPOINT, SUCCESS);
    for message in [done, new] {
        world.rearm(message, ENDPOINT);
    }
    assert_eq!(world.store.clear(CLEAR).wait().expect("an answer").count, 2);
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.delivery(done, ENDPOINT).state, DeliveryState::Success);
    assert_eq!(world.delivery(new, ENDPOINT).state, DeliveryState::Canceled);
}
