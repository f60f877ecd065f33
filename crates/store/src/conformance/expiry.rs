//! Letting go of what is old.

use std::time::Duration;

use ringback_model::{DeliveryState, MessageNo, Reason, Timestamp, Trigger};

use super::Harness;
use super::reading::messages;
use super::world::{ENDPOINT, OTHER, SUCCESS, World};
use crate::{
    Aging, AgingQuery, EXPUNGED, Expire, Expired, Expiry, Mention, MessageQuery, MessageRef, Part, Step, UnreadQuery,
};

/// Has the pass read what is there and note that it is to be looked at then.
fn note(world: &World<'_>, at: Timestamp) {
    let runs = world.store.unread(UnreadQuery { accepted_before: world.later(1), limit: 100 }).wait();
    let runs = runs.expect("the store can be read");
    let read = runs.iter().map(|run| (run.after, run.messages.last().expect("a run has messages").no)).collect();
    let look_at = runs.iter().flat_map(|run| &run.messages).map(|message| (message.no, at)).collect();
    let mention = Mention { read, words: Vec::new(), look_at };
    assert!(world.store.mention(mention).wait().expect("times are noted"));
}

fn due_parts(world: &World<'_>) -> Vec<Part> {
    world.store.upkeep(world.now(), 10).wait().expect("the store can be read")
}

fn aging(world: &World<'_>, part: Part) -> Vec<Aging> {
    let query = AgingQuery { part: part.no, after: MessageNo(0), limit: 100 };
    world.store.aging(query).wait().expect("the store can be read")
}

fn expire(world: &World<'_>, items: &[(MessageNo, Expiry)]) -> Expired {
    let item = Expire { items: items.to_vec(), rows: 1_000, ..Expire::default() };
    world.store.expire(item).wait().expect("the store lets go")
}

fn visited(world: &World<'_>, part: Part, next: Option<Timestamp>) {
    let item = Expire { rows: 1, visited: Some((part, next)), ..Expire::default() };
    world.store.expire(item).wait().expect("the store notes it");
}

/// What was noted of a part brings it up when its time has come, once, and again when it was visited and noted anew.
pub fn a_part_is_due_when_the_first_of_it_is(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let first = world.send(&[ENDPOINT]);
    note(&world, world.later(60));
    world.send(&[ENDPOINT]);
    note(&world, world.later(30));
    assert_eq!(due_parts(&world), []);
    world.clock.set(world.later(30));
    world.crash();
    let parts = due_parts(&world);
    assert_eq!(parts.len(), 1);
    let seen = aging(&world, parts[0]);
    assert_eq!(seen.iter().map(|aging| aging.no).collect::<Vec<_>>()[0], first);
    assert_eq!(seen.len(), 2);
    visited(&world, parts[0], Some(world.later(100)));
    assert_eq!(due_parts(&world), []);
    world.clock.set(world.later(100));
    assert_eq!(due_parts(&world), parts);
}

/// Something that was noted while the part was being visited is not forgotten.
pub fn a_part_that_was_noted_during_the_visit_stays_due(harness: &dyn Harness) {
    let world = World::new(harness);
    world.send(&[ENDPOINT]);
    note(&world, world.now());
    let parts = due_parts(&world);
    world.clock.set(world.later(1));
    world.send(&[ENDPOINT]);
    note(&world, world.later(5));
    visited(&world, parts[0], Some(world.later(1_000)));
    let again = due_parts(&world);
    assert_eq!(again.iter().map(|part| part.no).collect::<Vec<_>>(), [parts[0].no]);
    visited(&world, again[0], None);
    assert_eq!(due_parts(&world), []);
}

/// When it has changed for how long things are kept, every part is visited.
pub fn all_parts_are_due_when_they_are_to_be_visited_anew(harness: &dyn Harness) {
    let world = World::new(harness);
    world.send(&[ENDPOINT]);
    note(&world, world.later(1_000_000));
    assert_eq!(due_parts(&world), []);
    world.store.revisit().wait().expect("the store notes it");
    assert_eq!(due_parts(&world).len(), 1);
}

/// What there is of a message is told.
pub fn a_visit_sees_what_there_is(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.deliver_until = Some(world.later(7));
    let (sent, plain) = (world.accept(item), world.send(&[]));
    note(&world, world.now());
    let part = due_parts(&world)[0];
    let seen = aging(&world, part);
    let expected = Aging {
        no: sent,
        app: world.app,
        accepted_at: world.now(),
        expires_at: world.later(86_400),
        deliver_until: Some(world.later(7)),
        has_payload: true,
        has_attempts: false,
        is_pending: true,
    };
    let without = Aging { no: plain, deliver_until: None, is_pending: false, ..expected };
    assert_eq!(seen, [expected, without]);
    world.finish(sent, ENDPOINT, SUCCESS);
    expire(&world, &[(sent, Expiry::Payload(Reason::Expired))]);
    let after = Aging { has_payload: false, has_attempts: true, is_pending: false, ..expected };
    assert_eq!(aging(&world, part), [after, without]);
    let query = AgingQuery { part: part.no, after: sent, limit: 1 };
    assert_eq!(world.store.aging(query).wait().expect("the store can be read"), [without]);
}

/// Whose time is over has failed, with the reason; what has ended before stays as it is. The next of a queue comes due.
pub fn what_is_pending_ends_when_its_time_is_over(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let (first, second) = (world.send_in(1), world.send_in(1));
    let both = world.send(&[ENDPOINT, OTHER]);
    world.finish(both, OTHER, SUCCESS);
    world.told();
    let done =
        expire(&world, &[(first, Expiry::Deliveries(Reason::Expired)), (both, Expiry::Deliveries(Reason::Expired))]);
    assert_eq!(done, Expired { done: 2, rows: 2 });
    for message in [first, both] {
        let delivery = world.delivery(message, ENDPOINT);
        assert_eq!((delivery.state, delivery.reason), (DeliveryState::Fail, Some(Reason::Expired)));
    }
    assert_eq!(world.delivery(both, OTHER).state, DeliveryState::Success);
    assert_eq!(world.told().iter().map(|(message, ..)| *message).collect::<Vec<_>>(), [second]);
    assert_eq!(world.due(ENDPOINT), [second]);
    world.crash();
    assert_eq!(world.due(ENDPOINT), [second]);
}

/// Whoever asks for a message whose time is over gets it, also when its deliveries end meanwhile.
pub fn what_was_asked_for_by_hand_outlives_the_time_of_its_message(harness: &dyn Harness) {
    let world = World::new(harness);
    let (planned, unplanned) = (world.send(&[ENDPOINT]), world.send(&[]));
    world.rearm(planned, ENDPOINT);
    world.rearm(unplanned, ENDPOINT);
    let over = Expiry::Deliveries(Reason::Expired);
    assert_eq!(expire(&world, &[(planned, over), (unplanned, over)]), Expired { done: 2, rows: 1 });
    let due: Vec<_> = world.taken(ENDPOINT).rows.iter().map(|row| (row.message.no, row.trigger)).collect();
    assert_eq!(due, [(planned, Trigger::Manual), (unplanned, Trigger::Manual)]);
    world.finish_by_hand(planned, ENDPOINT, Step::Keep);
    let after = world.delivery(planned, ENDPOINT);
    assert_eq!((after.state, after.reason), (DeliveryState::Fail, Some(Reason::Expired)));
}

/// The payload goes, and with it the deliveries that would have needed it; the message stays.
pub fn a_payload_goes_and_its_message_stays(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.raw = Some(item.message.payload.clone());
    let id = item.message.id;
    let no = world.accept(item);
    world.finish(no, ENDPOINT, Step::Retry { due: world.later(5), counted: true });
    world.rearm(no, OTHER);
    expire(&world, &[(no, Expiry::Payload(Reason::PayloadGone))]);
    let message = world.store.message(world.app, MessageRef::Id(id)).wait().expect("the store can be read");
    let message = message.expect("the message stays");
    assert_eq!((message.payload, message.raw), (None, None));
    for endpoint in [ENDPOINT, OTHER] {
        assert_eq!(world.delivery(no, endpoint).reason, Some(Reason::PayloadGone));
        assert!(world.due(endpoint).is_empty());
    }
    assert_eq!(world.attempts(no).len(), 1);
    // A second time there is nothing left to do.
    assert_eq!(expire(&world, &[(no, Expiry::Payload(Reason::PayloadGone))]), Expired { done: 1, rows: 0 });
}

/// A message goes with all that there is of it, and its event id is free again.
pub fn a_message_goes_with_all_that_there_is_of_it(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.event_id = Some("dlr-1".to_owned());
    item.message.tags = vec!["c-1".to_owned(), "c-2".to_owned()];
    let tagged = |tag: &str| {
        let query = MessageQuery { tag: Some(tag.to_owned()), ..messages(&world) };
        world.store.messages(query).wait().expect("the store can be read").items.len()
    };
    let (gone, stays) = (world.accept(item.clone()), world.send(&[ENDPOINT]));
    world.finish(gone, ENDPOINT, SUCCESS);
    world.finish(stays, ENDPOINT, SUCCESS);
    note(&world, world.now());
    assert_eq!((tagged("c-1"), tagged("c-2")), (1, 1));
    expire(&world, &[(gone, Expiry::Message)]);
    assert!(world.store.deliveries(gone).wait().expect("the store can be read").is_empty());
    assert_eq!((tagged("c-1"), tagged("c-2")), (0, 0));
    assert!(world.attempts(gone).is_empty());
    assert_eq!(world.attempts(stays).len(), 1);
    assert_eq!(aging(&world, due_parts(&world)[0]).len(), 1);
    // Nothing is left of it that would be in the way of another one of its kind.
    world.accept(item);
    assert_eq!((tagged("c-1"), tagged("c-2")), (1, 1));
}

/// Each commit writes so many rows at most; what is left is done by those after it, and only then the part is visited.
pub fn a_large_message_goes_in_steps(harness: &dyn Harness) {
    let world = World::new(harness);
    let message = world.send(&[ENDPOINT, OTHER]);
    for _ in 0..10 {
        world.finish(message, ENDPOINT, Step::Retry { due: world.now(), counted: true });
    }
    let other = world.send(&[ENDPOINT]);
    note(&world, world.now());
    let part = due_parts(&world)[0];
    let mut items = vec![(message, Expiry::Message), (other, Expiry::Message)];
    let mut steps = 0;
    while !items.is_empty() {
        assert_eq!(due_parts(&world), [part], "it is visited when all is done");
        let item =
            Expire { items: items.clone(), rows: 1.max(steps), visited: Some((part, None)), ..Expire::default() };
        let done = world.store.expire(item).wait().expect("the store lets go").done;
        items.drain(..done);
        steps += 1;
    }
    assert!(steps > 1);
    assert_eq!((due_parts(&world), aging(&world, part)), (vec![], vec![]));
    assert!(world.attempts(message).is_empty() && world.due(ENDPOINT).is_empty());
}

/// What is kept of an application is counted once, and given back once.
pub fn the_bytes_of_an_application_are_counted_while_they_are_kept(harness: &dyn Harness) {
    let world = World::new(harness);
    let used = || world.store.usage(world.app).wait().expect("the store can be read");
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.raw = Some(item.message.payload.slice(1..3));
    let (large, small) = (world.accept(item), world.send(&[]));
    assert_eq!(used(), 0, "the acceptance does not count");
    note(&world, world.now());
    assert_eq!(used(), 7 + 2 + 7);
    let early = world.send(&[]);
    expire(&world, &[(early, Expiry::Payload(Reason::PayloadGone))]);
    note(&world, world.now());
    assert_eq!(used(), 7 + 2 + 7, "what went before it was counted");
    expire(&world, &[(large, Expiry::Payload(Reason::Expired)), (large, Expiry::Payload(Reason::Expired))]);
    assert_eq!(used(), 7);
    expire(&world, &[(large, Expiry::Message), (small, Expiry::Message), (early, Expiry::Message)]);
    assert_eq!(used(), 0);
}

/// Attempts go by themselves; the delivery is told as before.
pub fn attempts_go_and_the_delivery_stays(harness: &dyn Harness) {
    let world = World::new(harness);
    let no = world.send(&[ENDPOINT]);
    world.finish(no, ENDPOINT, SUCCESS);
    expire(&world, &[(no, Expiry::Attempts)]);
    assert!(world.attempts(no).is_empty());
    assert_eq!(world.delivery(no, ENDPOINT).state, DeliveryState::Success);
}

/// An attempt whose answer was removed says so.
pub fn the_answer_of_an_attempt_goes(harness: &dyn Harness) {
    let world = World::new(harness);
    let no = world.send(&[ENDPOINT]);
    world.finish(no, ENDPOINT, Step::Retry { due: world.later(5), counted: true });
    world.clock.advance(Duration::from_secs(5));
    world.finish(no, ENDPOINT, SUCCESS);
    let attempts = world.attempts(no);
    expire(&world, &[(no, Expiry::Answer(attempts[0].id))]);
    let after = world.attempts(no);
    assert_eq!(&*after[0].exchange.response, EXPUNGED);
    assert_eq!(after[1], attempts[1]);
}
