//! Resends: one more attempt, asked for by hand.

use std::time::Duration;

use ringback_model::{DeliveryState, MessageNo, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World, numbers};
use crate::{Finished, Rearmed, Step, Take};

const EXHAUSTED: Step = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Exhausted) };

/// It is told and taken at once, beside the schedule, which stands if it fails and ends if it succeeds.
pub fn a_resend_is_one_attempt_beside_the_schedule(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let due = world.later(60);
    world.finish(message, ENDPOINT, Step::Retry { due, counted: true });
    world.told();
    assert_eq!(world.rearm(message, ENDPOINT), Rearmed::Armed);
    assert_eq!(world.told(), [(message, ENDPOINT, Trigger::Manual)]);
    world.crash();
    let taken = world.taken(ENDPOINT);
    assert_eq!((taken.rows[0].trigger, taken.rows[0].tries), (Trigger::Manual, 1));
    assert_eq!((taken.rows.len(), taken.next_due), (1, Some(due)));
    assert_eq!(world.finish_by_hand(message, ENDPOINT, Step::Keep), Finished::Recorded);
    assert!(world.due(ENDPOINT).is_empty());
    assert_eq!(world.delivery(message, ENDPOINT).due, Some(due));
    world.rearm(message, ENDPOINT);
    world.finish_by_hand(message, ENDPOINT, SUCCESS);
    let delivery = world.delivery(message, ENDPOINT);
    assert_eq!((delivery.state, delivery.due), (DeliveryState::Success, None));
    world.clock.advance(Duration::from_secs(60));
    assert!(world.due(ENDPOINT).is_empty());
}

/// It can mend a failure and never spoil a success.
pub fn a_resend_that_fails_never_turns_a_success_into_a_failure(harness: &dyn Harness) {
    let world = World::new(harness);
    let (good, bad) = (world.send(&[ENDPOINT]), world.send(&[ENDPOINT]));
    world.finish(good, ENDPOINT, SUCCESS);
    world.finish(bad, ENDPOINT, EXHAUSTED);
    for message in [good, bad] {
        world.rearm(message, ENDPOINT);
    }
    assert_eq!(world.due(ENDPOINT), [good, bad]);
    assert_eq!(world.delivery(good, ENDPOINT).state, DeliveryState::Success);
    assert_eq!(world.delivery(bad, ENDPOINT).state, DeliveryState::Pending, "it is being tried again");
    world.finish_by_hand(good, ENDPOINT, Step::Keep);
    world.finish_by_hand(bad, ENDPOINT, Step::Keep);
    assert_eq!(world.delivery(good, ENDPOINT).state, DeliveryState::Success);
    let still_bad = world.delivery(bad, ENDPOINT);
    assert_eq!((still_bad.state, still_bad.reason), (DeliveryState::Fail, Some(Reason::Exhausted)));
    world.rearm(good, ENDPOINT);
    world.finish_by_hand(good, ENDPOINT, EXHAUSTED);
    assert_eq!(world.delivery(good, ENDPOINT).state, DeliveryState::Success);
    world.rearm(bad, ENDPOINT);
    world.finish_by_hand(bad, ENDPOINT, SUCCESS);
    assert_eq!(world.delivery(bad, ENDPOINT).state, DeliveryState::Success);
    assert!(world.due(ENDPOINT).is_empty());
}

/// Whoever asks by hand does not wait for a key, and does not take its turn either.
pub fn a_resend_of_an_ordered_delivery_waits_for_nobody(harness: &dyn Harness) {
    let world = World::new(harness);
    let (ended, head, blocked) = (world.send_in(1), world.send_in(1), world.send_in(1));
    world.finish(ended, ENDPOINT, SUCCESS);
    for message in [ended, blocked] {
        world.rearm(message, ENDPOINT);
    }
    assert_eq!(world.due(ENDPOINT), [ended, blocked, head]);
    for message in [ended, blocked] {
        world.finish_by_hand(message, ENDPOINT, Step::Keep);
    }
    assert_eq!(world.due(ENDPOINT), [head]);
    assert!(world.delivery(blocked, ENDPOINT).blocked, "it still has its turn");
    world.finish(head, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [blocked]);
}

/// An endpoint that the message did not match gets it all the same, once; with no schedule of its own.
pub fn a_resend_to_another_endpoint_makes_a_delivery(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    world.rearm(message, OTHER);
    world.crash();
    assert_eq!(numbers(&world.take(&Take { limit: 1, ..world.all_of(OTHER) }).rows), [message]);
    assert_eq!(world.delivery(message, OTHER).state, DeliveryState::Pending);
    // Asked for twice before it went: still one attempt.
    world.rearm(message, OTHER);
    assert_eq!(world.due(OTHER), [message]);
    world.finish_by_hand(message, OTHER, Step::Keep);
    let delivery = world.delivery(message, OTHER);
    assert_eq!((delivery.state, delivery.reason), (DeliveryState::Fail, Some(Reason::Exhausted)));
    assert!(world.due(OTHER).is_empty());
}

/// There is nothing to send of what is not there.
pub fn a_resend_of_nothing_is_refused(harness: &dyn Harness) {
    let world = World::new(harness);
    assert_eq!(world.rearm(MessageNo(1 << 40), ENDPOINT), Rearmed::NotFound);
    assert!(world.due(ENDPOINT).is_empty());
}

/// Whoever asks while an attempt by hand is under way has not seen how it ends: another one is made.
pub fn a_resend_asked_for_during_an_attempt_by_hand_is_made_after_it(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    world.finish(message, ENDPOINT, EXHAUSTED);
    for step in [Step::Keep, SUCCESS] {
        world.rearm(message, ENDPOINT);
        let under_way = world.outcome(message, ENDPOINT, Trigger::Manual, step);
        world.clock.advance(Duration::from_secs(1));
        world.rearm(message, ENDPOINT);
        world.record(under_way);
        assert_eq!(world.due(ENDPOINT), [message]);
        world.finish_by_hand(message, ENDPOINT, Step::Keep);
        assert!(world.due(ENDPOINT).is_empty());
    }
    assert_eq!(world.delivery(message, ENDPOINT).state, DeliveryState::Success);
}
