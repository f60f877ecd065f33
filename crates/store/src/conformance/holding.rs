//! Deliveries that no request can be made of: they wait until somebody has changed what is in the way.

use std::time::Duration;

use ringback_model::{AttemptOutcome, DeliveryState, EndpointNo, Failure, NotSent, Reason, Trigger};

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World};
use crate::{Clear, Finish, Finished, LaneStart, Step};

/// No request can be made of a delivery, from now on for this many seconds.
fn hold(world: &World<'_>, seconds: u64) -> Step {
    Step::Hold { since: world.now(), due: world.later(seconds) }
}

/// It is not due before its end, over a crash too; released it is due at once, and knows since when it was held.
pub fn a_held_delivery_waits_for_its_release_or_its_end(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (message, since) = (world.send(&[ENDPOINT]), world.now());
    assert_eq!(world.finish(message, ENDPOINT, hold(&world, 60)), Finished::Recorded);
    let delivery = world.delivery(message, ENDPOINT);
    assert_eq!((delivery.state, delivery.due, delivery.held), (DeliveryState::Pending, Some(world.later(60)), true));
    world.crash();
    world.clock.advance(Duration::from_secs(59));
    let taken = world.taken(ENDPOINT);
    assert!(taken.rows.is_empty());
    assert_eq!(taken.next_due, Some(world.later(1)));

    assert_eq!(world.release(ENDPOINT, 10), 1);
    let rows = world.taken(ENDPOINT).rows;
    assert_eq!((rows[0].message.no, rows[0].held_since, rows[0].due), (message, Some(since), world.now()));
    assert_eq!((rows[0].tries, rows[0].unsent), (0, 1), "nothing reached the receiver");
    assert_eq!(world.release(ENDPOINT, 10), 0, "it is due already");

    // Held once more, it comes back by itself when its time is up.
    assert_eq!(world.finish(message, ENDPOINT, Step::Hold { since, due: world.later(5) }), Finished::Recorded);
    assert!(world.due(ENDPOINT).is_empty());
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(world.taken(ENDPOINT).rows[0].held_since, Some(since));
}

/// Only held ones of one endpoint, at most as many as asked for, those with the nearest end first.
pub fn a_release_is_made_in_batches_and_leaves_others_alone(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut held = Vec::new();
    for seconds in [50, 30, 40, 20, 10] {
        let message = world.send(&[ENDPOINT, OTHER]);
        world.finish(message, ENDPOINT, hold(&world, seconds));
        world.finish(message, OTHER, hold(&world, seconds));
        held.push((seconds, message));
    }
    let later = world.send(&[ENDPOINT]);
    world.finish(later, ENDPOINT, Step::Retry { due: world.later(15), counted: true });
    assert_eq!(world.release(ENDPOINT, 2), 2);
    let mut due = world.due(ENDPOINT);
    due.sort_unstable();
    assert_eq!(due, [held[3].1, held[4].1]);
    assert_eq!((world.release(ENDPOINT, 2), world.release(ENDPOINT, 2), world.release(ENDPOINT, 2)), (2, 1, 0));
    assert_eq!(world.due(ENDPOINT).len(), 5, "the one that waits for its next try still waits");
    assert!(world.due(OTHER).is_empty());
    assert_eq!(world.release(EndpointNo(77), 10), 0);
}

/// Those behind it wait, and come out when it ends.
pub fn a_held_head_keeps_its_queue_waiting(harness: &dyn Harness) {
    let world = World::new(harness);
    let (head, next) = (world.send_in(1), world.send_in(1));
    world.finish(head, ENDPOINT, hold(&world, 60));
    let (first, second) = (world.delivery(head, ENDPOINT), world.delivery(next, ENDPOINT));
    assert_eq!((first.held, first.blocked, second.held, second.blocked), (true, false, false, true));
    assert_eq!(world.release(ENDPOINT, 10), 1, "what is blocked is not held");
    assert_eq!(world.due(ENDPOINT), [head]);
    let fail = Step::End { state: DeliveryState::Fail, reason: Some(Reason::Unrenderable) };
    world.finish(head, ENDPOINT, fail);
    assert_eq!(world.due(ENDPOINT), [next]);
    assert_eq!(world.delivery(head, ENDPOINT).reason, Some(Reason::Unrenderable));
}

/// A try, an end, and a clearing; and what somebody asks for by hand goes beside it.
pub fn whatever_ends_a_hold_takes_its_mark(harness: &dyn Harness) {
    let world = World::new(harness);
    let steps = [SUCCESS, Step::Retry { due: world.later(90), counted: true }];
    for step in steps {
        let message = world.send(&[ENDPOINT]);
        world.finish(message, ENDPOINT, hold(&world, 60));
        world.finish(message, ENDPOINT, step);
        assert!(!world.delivery(message, ENDPOINT).held, "{step:?}");
    }
    let message = world.send(&[ENDPOINT]);
    world.finish(message, ENDPOINT, hold(&world, 60));
    world.rearm(message, ENDPOINT);
    assert_eq!(world.due(ENDPOINT), [message], "somebody asked for it");
    world.finish_by_hand(message, ENDPOINT, Step::Keep);
    let delivery = world.delivery(message, ENDPOINT);
    assert_eq!((delivery.held, delivery.due), (true, Some(world.later(60))), "the hold stands");
    world.rearm(message, ENDPOINT);
    world.finish_by_hand(message, ENDPOINT, SUCCESS);
    assert_eq!(world.delivery(message, ENDPOINT).state, DeliveryState::Success);

    let message = world.send(&[OTHER]);
    world.finish(message, OTHER, hold(&world, 60));
    let clear = Clear {
        endpoint: OTHER,
        epoch: None,
        state: DeliveryState::Canceled,
        reason: Reason::Canceled,
        limit: 10,
        upto: None,
    };
    assert_eq!(world.store.clear(clear).wait().expect("an answer").count, 1);
    assert!(!world.delivery(message, OTHER).held);
    assert_eq!((world.release(ENDPOINT, 10), world.release(OTHER, 10)), (0, 0));
}

/// So that a start releases what was changed in the meantime.
pub fn an_endpoint_with_held_deliveries_says_so(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (held, waiting) = (world.send(&[ENDPOINT]), world.send(&[OTHER]));
    world.finish(held, ENDPOINT, hold(&world, 60));
    world.finish(waiting, OTHER, Step::Retry { due: world.later(60), counted: true });
    world.crash();
    let lanes: Vec<LaneStart> = world.store.lanes(EndpointNo(0), 10).wait().expect("the store can be read");
    let says: Vec<_> = lanes.iter().map(|lane| (lane.endpoint, lane.held)).collect();
    assert_eq!(says, [(ENDPOINT, true), (OTHER, false)]);
}

/// One of two that were made at once with two secrets.
pub fn an_earlier_attempt_is_recorded_before_its_other(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT]);
    let rejected = AttemptOutcome::Failed { why: Failure::SecretRejected(401), retry_after: None };
    let mut earlier = world.outcome(message, ENDPOINT, Trigger::Scheduled, Step::Keep).attempt;
    (earlier.outcome, earlier.exchange.status) = (rejected.clone(), Some(401));
    let finish = world.outcome(message, ENDPOINT, Trigger::Scheduled, SUCCESS);
    let ids = [earlier.id, finish.attempt.id];
    let finish = Finish { earlier: Some(earlier), ..finish };
    assert_eq!(world.record(finish), Finished::Recorded);
    let attempts = world.attempts(message);
    assert_eq!(attempts.iter().map(|attempt| attempt.id).collect::<Vec<_>>(), ids);
    assert_eq!(attempts[0].outcome, rejected);
    assert!(attempts[0].no < attempts[1].no);
    assert_eq!(world.delivery(message, ENDPOINT).state, DeliveryState::Success);

    // Nothing of an attempt that could not be made is lost on the way, either.
    let message = world.send(&[OTHER]);
    let mut unsent = world.outcome(message, OTHER, Trigger::Scheduled, hold(&world, 60));
    unsent.attempt.outcome = AttemptOutcome::NotSent { why: NotSent::Render };
    unsent.attempt.exchange =
        ringback_model::Exchange { response: "`mobile` is missing.".into(), ..Default::default() };
    world.record(unsent);
    let attempt = &world.attempts(message)[0];
    assert_eq!((attempt.exchange.status, &attempt.exchange.response[..]), (None, &b"`mobile` is missing."[..]));
}
