//! What becomes of a delivery after an attempt.

use std::time::Duration;

use ringback_model::{DeliveryState, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World};
use crate::{Clear, Finished, Settled, Step};

/// Delivered, it is due no more; other endpoints of the message are not concerned.
pub fn a_success_ends_a_delivery(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT, OTHER]);
    assert_eq!(world.finish(message, ENDPOINT, SUCCESS), Finished::Recorded);
    let delivery = world.delivery(message, ENDPOINT);
    assert_eq!((delivery.state, delivery.reason, delivery.due), (DeliveryState::Success, None, None));
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.due(OTHER), [message]);
    let gone = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Gone) };
    assert_eq!(world.finish(message, OTHER, gone), Finished::Recorded);
    let delivery = world.delivery(message, OTHER);
    assert_eq!((delivery.state, delivery.reason, delivery.due), (DeliveryState::Fail, Some(Reason::Gone), None));
}

/// It is due at the time that was said and not before, and its tries are counted.
pub fn a_retry_comes_back_at_its_time(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    for (counted, tries, unsent) in [(true, 1, 0), (false, 1, 1), (true, 2, 1)] {
        let due = world.later(5);
        assert_eq!(world.finish(message, ENDPOINT, Step::Retry { due, counted }), Finished::Recorded);
        assert_eq!(world.delivery(message, ENDPOINT).due, Some(due));
        world.crash();
        world.clock.advance(Duration::from_micros(4_999_999));
        assert!(world.due(ENDPOINT).is_empty());
        world.clock.advance(Duration::from_micros(1));
        let rows = world.taken(ENDPOINT).rows;
        assert_eq!((rows[0].tries, rows[0].unsent, rows[0].due), (tries, unsent, due));
    }
}

/// A delivery that was called off while its attempt was under way stays called off.
pub fn an_outcome_that_comes_too_late_is_recorded_and_changes_nothing(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let clear = Clear {
        endpoint: ENDPOINT,
        epoch: None,
        state: DeliveryState::Canceled,
        reason: Reason::Canceled,
        limit: 10,
        upto: None,
    };
    assert_eq!(world.store.clear(clear).wait().expect("an answer").count, 1);
    assert_eq!(world.finish(message, ENDPOINT, SUCCESS), Finished::Superseded);
    let retry = Step::Retry { due: world.later(5), counted: true };
    assert_eq!(world.finish(message, ENDPOINT, retry), Finished::Superseded);
    let delivery = world.delivery(message, ENDPOINT);
    assert_eq!((delivery.state, delivery.reason), (DeliveryState::Canceled, Some(Reason::Canceled)));
    assert_eq!(delivery.due, None);
    assert_eq!(world.attempts(message).len(), 2);
}

/// The engine may let go of an ordering key only then.
pub fn an_outcome_is_told_when_it_is_durable(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    world.rearm(message, ENDPOINT);
    world.told();
    world.finish(message, ENDPOINT, SUCCESS);
    world.finish_by_hand(message, ENDPOINT, SUCCESS);
    let mut settled = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        settled.extend(committed.settled);
    }
    let of = |trigger| Settled { message, endpoint: ENDPOINT, trigger };
    assert_eq!(settled, [of(Trigger::Scheduled), of(Trigger::Manual)]);
}
