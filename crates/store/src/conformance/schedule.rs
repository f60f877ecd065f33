//! Messages that are not to be sent before a time of their own.

use super::Harness;
use super::world::{ENDPOINT, OTHER, SUCCESS, World};
use crate::Step;

/// It is not due and not told before its time; whoever looks is told when that is.
pub fn a_message_with_a_time_comes_due_then(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.deliver_at = Some(world.later(60));
    let no = world.accept(item);
    assert_eq!(world.told(), []);
    let taken = world.taken(ENDPOINT);
    assert_eq!((taken.rows.len(), taken.next_due), (0, Some(world.later(60))));
    let at = world.later(60);
    world.clock.set(at);
    assert_eq!(world.due(ENDPOINT), [no]);
    assert_eq!(world.taken(ENDPOINT).rows[0].due, at);
}

/// The engine hears which endpoint has got something to look for.
pub fn the_endpoint_of_a_message_with_a_time_is_told(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None), (OTHER, None)]);
    item.message.deliver_at = Some(world.later(60));
    world.accept(item);
    let mut woken = Vec::new();
    while let Some(committed) = world.feed.try_next() {
        woken.extend(committed.woken);
    }
    assert_eq!(woken, [ENDPOINT, OTHER]);
}

/// A time that is over asks for nothing.
pub fn a_time_that_is_over_is_now(harness: &dyn Harness) {
    let mut world = World::new(harness);
    world.clock.set(world.later(60));
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.deliver_at = Some(world.now() - std::time::Duration::from_secs(30));
    let no = world.accept(item);
    assert_eq!(world.told().len(), 1);
    assert_eq!(world.taken(ENDPOINT).rows.first().map(|row| (row.message.no, row.due)), Some((no, world.now())));
}

/// The order of a queue is that of acceptance: who waits for its time holds up those behind it, and who is let out before
/// its own time waits for that.
pub fn a_time_does_not_change_the_order_of_a_queue(harness: &dyn Harness) {
    let mut world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, Some(1))]);
    item.message.deliver_at = Some(world.later(60));
    let first = world.accept(item);
    let mut item = world.item(&[(ENDPOINT, Some(1))]);
    item.message.deliver_at = Some(world.later(90));
    let second = world.accept(item);
    let third = world.send_in(1);
    assert!(world.due(ENDPOINT).is_empty());
    world.clock.set(world.later(60));
    assert_eq!(world.due(ENDPOINT), [first]);
    world.told();
    world.finish(first, ENDPOINT, SUCCESS);
    assert_eq!(world.told(), []);
    let taken = world.taken(ENDPOINT);
    assert_eq!((taken.rows.len(), taken.next_due), (0, Some(world.later(30))));
    world.clock.set(world.later(30));
    assert_eq!(world.due(ENDPOINT), [second]);
    world.finish(second, ENDPOINT, SUCCESS);
    assert_eq!(world.due(ENDPOINT), [third]);
}

/// Retries go by their schedule, whatever the time of the message was.
pub fn a_retry_goes_by_its_own_time(harness: &dyn Harness) {
    let world = World::new(harness);
    let mut item = world.item(&[(ENDPOINT, None)]);
    item.message.deliver_at = Some(world.later(60));
    let no = world.accept(item);
    world.clock.set(world.later(60));
    world.finish(no, ENDPOINT, Step::Retry { due: world.later(5), counted: true });
    assert_eq!(world.taken(ENDPOINT).next_due, Some(world.later(5)));
}
