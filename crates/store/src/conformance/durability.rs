//! An answer means durable.

use ringback_model::{DeliveryState, EndpointNo};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, document};
use crate::{Clear, Delete, DocumentKind, MessageRef, Rearmed, Step};

/// After each step the power fails, and what was answered is there, whole.
pub fn every_answer_is_durable(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let item = world.item(&[(ENDPOINT, None), (OTHER, Some(1))]);
    let id = item.message.id;
    let first = world.accept(item);
    let second = world.accept(world.item(&[(OTHER, Some(1))]));

    world.crash();
    let message = world.store.message(world.app, MessageRef::Id(id)).wait().expect("the store can be read");
    assert_eq!(message.map(|message| message.no), Some(first));
    assert_eq!((world.due(ENDPOINT), world.due(OTHER)), (vec![first], vec![first]));

    world.finish(first, ENDPOINT, Step::Retry { due: world.later(60), counted: true });
    world.finish(first, OTHER, SUCCESS);
    world.crash();
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(60)));
    assert_eq!(world.due(OTHER), [second], "the end of one and the turn of the next are one commit");
    assert_eq!(world.attempts(first).len(), 2);

    assert_eq!(world.rearm(first, OTHER), Rearmed::Armed);
    let no = world.put(document(DocumentKind::EventType, 1, "sms.dlr"));
    world.crash();
    assert_eq!(world.due(OTHER), [first, second]);
    assert!(world.store.document(no).wait().expect("the store can be read").is_some());

    let clear = Clear {
        endpoint: OTHER,
        epoch: None,
        state: DeliveryState::Canceled,
        reason: ringback_model::Reason::EndpointDeleted,
        limit: 100,
        upto: None,
    };
    assert_eq!(world.store.clear(clear).wait().expect("an answer").count, 2);
    assert!(world.store.delete(Delete::new(no, world.now())).wait().expect("an answer"));
    world.crash();
    assert!(world.due(OTHER).is_empty());
    assert_eq!(world.delivery(second, OTHER).state, DeliveryState::Canceled);
    let deleted = world.store.document(no).wait().expect("the store can be read").expect("it keeps its number");
    assert_eq!(deleted.deleted_at, Some(world.now()));
}

/// Also over power cuts, numbers rise: order hangs on them.
pub fn numbers_are_never_given_twice(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut last = None;
    for round in 0..5 {
        for _ in 0..=round {
            let no = world.send(&[EndpointNo(round)]);
            assert!(Some(no) > last, "{no:?} after {last:?}");
            last = Some(no);
        }
        world.crash();
    }
}
